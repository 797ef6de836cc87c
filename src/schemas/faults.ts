import type { FileFaultCode } from './fault-catalogue.ts';

/** Longest piece of a tenant's value that is quoted in an error, in characters. */
const MAX_QUOTED_VALUE = 100;

/** One thing that is wrong in a file, told so that the person who exported it can mend it. */
export interface Fault {
  /** 1 is the first line of a CSV file, or the first record of a JSON file; null: the whole file. */
  readonly line: number | null;
  /** The header or key as the file writes it, else the column's name; null: the whole row. */
  readonly column: string | null;
  /** Stable and upper case, such as `INVALID_NUMBER`. */
  readonly code: string;
  /** A sentence that says what was found, what was expected and what to do. */
  readonly message: string;
  /** What the file has there, cut at {@link MAX_QUOTED_VALUE} characters. */
  readonly value: string | null;
}

/** Thrown when a fault makes the whole file unusable. Never retried: the file will not get better. */
export class FileFault extends Error {
  readonly fault: Fault;

  constructor(
    code: FileFaultCode,
    message: string,
    at: Partial<Pick<Fault, 'line' | 'column' | 'value'>> = {},
  ) {
    super(message);
    this.name = 'FileFault';
    this.fault = {
      line: at.line ?? null,
      column: at.column ?? null,
      code,
      message,
      value: quoteValue(at.value),
    };
  }

  get code(): string {
    return this.fault.code;
  }
}

/** Cuts a tenant's value to what an error may quote, without splitting a surrogate pair. */
export function quoteValue(value: string | null | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (value.length <= MAX_QUOTED_VALUE) return value;
  return `${Array.from(value.slice(0, MAX_QUOTED_VALUE * 2))
    .slice(0, MAX_QUOTED_VALUE - 1)
    .join('')}…`;
}
