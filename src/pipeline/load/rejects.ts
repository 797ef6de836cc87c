import type { Fault } from '../../schemas/faults.ts';
import type { SourceRecord } from '../records.ts';
import type { RejectReport } from '../reject-report.ts';

/** Faults kept with the upload; the reject report has them all. */
const MAX_KEPT_FAULTS = 1_000;

/** Counts bad rows, keeps the first faults and hands every row to the report. */
export class Rejects {
  readonly kept: Fault[] = [];
  count = 0;
  readonly #report: Pick<RejectReport, 'add'>;
  /** Rows of an earlier reading of the file, which are in the report already. */
  #known = 0;

  constructor(report: Pick<RejectReport, 'add'>) {
    this.#report = report;
  }

  async add(headers: readonly string[], record: SourceRecord, faults: readonly Fault[]): Promise<void> {
    this.count += 1;
    if (this.count <= this.#known) return;
    if (this.kept.length < MAX_KEPT_FAULTS)
      this.kept.push(...faults.slice(0, MAX_KEPT_FAULTS - this.kept.length));
    await this.#report.add(headers, record, faults);
  }

  /** The file is read once more from its beginning; the same rows will be bad. */
  startOver(): void {
    this.#known = Math.max(this.#known, this.count);
    this.count = 0;
  }
}
