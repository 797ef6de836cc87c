import { createHash } from 'node:crypto';
import { TRANSACTIONS_HEADER, transactionLine } from '../support/csv-files.ts';
import type { Tenant } from '../support/tenants.ts';
import type { Random } from './random.ts';

/** How a file that is acknowledged has to end. */
export type ExpectedEnd = 'COMPLETED' | 'PARTIALLY_COMPLETED' | 'FAILED';

/** A file whose content is known, and what became of sending it. */
export interface SentFile {
  readonly name: string;
  readonly tenant: Tenant;
  /** Empty once it has been sent: a long campaign would not fit into memory. */
  content: Buffer;
  readonly sha256: string;
  readonly expectedEnd: ExpectedEnd;
  rows: FileRows;
  readonly door: 'sftp' | 'http';
  /**
   * What the sender was told: yes, no, or nothing, when the connection broke before the answer; then the file may
   * be there or not, but whole or not at all.
   */
  told: 'acknowledged' | 'refused' | 'nothing';
  /** What a refusal said. */
  reason?: string;
  /** How often these rows have been sent, in files of different names. */
  readonly attempt: number;
  /** The member it was sent to. */
  via: string;
  /** When sending began and when it was acknowledged, in milliseconds of the senders' monotonic clock. */
  readonly begunAt: number;
  acknowledgedAt?: number;
}

/** The rows of a file, from which every one of them can be told. */
export interface FileRows {
  readonly first: number;
  readonly count: number;
  readonly cents: number;
  /** The row that cannot be loaded; -1: none. */
  readonly bad: number;
  /** No other file has any of these rows. */
  readonly exclusive: boolean;
}

/** Rows of one file only: each maker has so many of them, and each of its files takes a range. */
const EXCLUSIVE_ROWS = 100_000_000;
const EXCLUSIVE_STEP = 10_000;

/** The rows that a file loads: each transaction's id and total. */
export function* loadedRows({ first, count, cents, bad }: FileRows): Generator<readonly [string, string]> {
  for (let index = 0; index < count; index += 1)
    if (index !== bad) yield [transactionId(first + index), totalOf(cents, index)];
}

export const loadedCount = ({ count, bad }: FileRows): number => (bad < 0 ? count : count - 1);

const transactionId = (index: number) => transactionLine(index).split(',', 1)[0] ?? '';
const totalOf = (cents: number, index: number) => ((cents + index) / 100).toFixed(2);

/** Makes files: new rows, rows that earlier files had, bad rows, broken files, small and large. */
export class FileMaker {
  readonly #random: Random;
  readonly #index: number;
  #count = 0;

  /** `index` from 0 on: no two makers of a campaign have the same. */
  constructor(random: Random, index: number) {
    this.#random = random;
    this.#index = index;
  }

  next(tenant: Tenant, sender: string, door: SentFile['door']): SentFile {
    const random = this.#random;
    // Some cross the size of one part of a multipart upload.
    const large = random.chance(0.01);
    const count = large ? random.between(60_000, 70_000) : random.between(1, random.chance(0.2) ? 3_000 : 60);
    const exclusive = !large && random.chance(0.1);
    const shared = random.chance(0.3) ? 0 : random.between(0, 500_000);
    const bad = random.chance(0.1) ? random.between(0, count - 1) : -1;
    return this.make(tenant, sender, { count, exclusive, first: shared, bad, door });
  }

  /** The same file under another name, for a sender that was refused. */
  again(file: SentFile): SentFile {
    const { attempt, name, rows } = file;
    // Both may have arrived: then the rows are new in one of them only.
    file.rows = { ...rows, exclusive: false };
    return {
      ...file,
      name: name.replace(/(-again-\d+)?\.csv$/, `-again-${attempt + 1}.csv`),
      content: contentOf(rows),
      told: 'nothing',
      attempt: attempt + 1,
      begunAt: performance.now(),
    };
  }

  /** A file of the caller's wishes; rows of its own when it is `exclusive`, else from `first` on. */
  make(
    tenant: Tenant,
    sender: string,
    wishes: Partial<FileRows> & { readonly count: number; readonly door?: SentFile['door'] },
  ): SentFile {
    this.#count += 1;
    const name = `${sender}-${String(this.#count).padStart(6, '0')}.csv`;
    const own = (this.#index + 1) * EXCLUSIVE_ROWS + this.#count * EXCLUSIVE_STEP;
    const { count, exclusive = false, first = 0, bad = -1, door = 'sftp' } = wishes;
    const cents = this.#random.between(100, 99_999);
    const rows: FileRows = { first: exclusive ? own : first, exclusive, count, cents, bad };
    const content = contentOf(rows);
    return {
      name,
      tenant,
      content,
      sha256: createHash('sha256').update(content).digest('hex'),
      expectedEnd: loadedCount(rows) === 0 ? 'FAILED' : rows.bad >= 0 ? 'PARTIALLY_COMPLETED' : 'COMPLETED',
      rows,
      door,
      told: 'nothing',
      via: '',
      attempt: 1,
      begunAt: performance.now(),
    };
  }
}

function contentOf({ first, count, cents, bad }: FileRows): Buffer {
  const lines = [TRANSACTIONS_HEADER];
  for (let index = 0; index < count; index += 1) {
    const cells = transactionLine(first + index).split(',');
    cells[14] = index === bad ? 'twelve' : totalOf(cents, index);
    lines.push(cells.join(','));
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}
