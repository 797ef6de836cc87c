import type { Warning } from '../../intake/uploads.ts';
import { type Fault, FileFault } from '../../schemas/faults.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';

/**
 * Whether a file with bad rows is loaded all the same. `onRowError: fail` tolerates none; `skip` as many as
 * `maxRowErrors` says, or any number.
 * @throws {FileFault} `ROWS_REJECTED` or `TOO_MANY_ROW_ERRORS`
 */
export function expectTolerable(spec: TransformerSpec, rejected: number, first: Fault | undefined): void {
  const tolerated = spec.onRowError === 'fail' ? 0 : (spec.maxRowErrors ?? Number.POSITIVE_INFINITY);
  if (rejected <= tolerated) return;
  const at = { line: first?.line ?? null, column: first?.column ?? null, value: first?.value ?? null };
  const rows = rejected === 1 ? '1 row has' : `${rejected} rows have`;
  const example = `First: ${first?.message ?? ''}`;
  if (spec.onRowError === 'fail') {
    const message = `${rows} errors, and this schema type accepts only files without any. ${example}`;
    throw new FileFault('ROWS_REJECTED', message, at);
  }
  const message = `${rows} errors, and at most ${tolerated} are tolerated in a file, so nothing was loaded. ${example}`;
  throw new FileFault('TOO_MANY_ROW_ERRORS', message, at);
}

/** Tells how many rows the enablement has left out, so that nobody misses them. */
export function rowsLeftOut({ onlyRows }: TransformerSpec, count: number): Warning {
  const { header = '', values } = onlyRows ?? {};
  const condition = values
    ? `whose "${header}" is ${values.map((value) => `"${value}"`).join(' or ')}`
    : `with a value in "${header}"`;
  const rows = count === 1 ? '1 row was' : `${count} rows were`;
  const message = `${rows} left out: only rows ${condition} are loaded.`;
  return { code: 'ROWS_LEFT_OUT', message };
}
