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
  readonly content: Buffer;
  readonly sha256: string;
  readonly expectedEnd: ExpectedEnd;
  /** The total of each transaction that the file loads, by its id. */
  readonly totals: ReadonlyMap<string, string>;
  readonly door: 'sftp' | 'http';
  /**
   * What the sender was told: yes, no, or nothing, when the connection broke before the answer; then the file may
   * be there or not, but whole or not at all.
   */
  told: 'acknowledged' | 'refused' | 'nothing';
  /** What a refusal said. */
  reason?: string;
  seconds: number;
}

/** Makes files: new rows, rows that earlier files had, bad rows, broken files, small and large. */
export class FileMaker {
  readonly #random: Random;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(tenant: Tenant, sender: string, door: SentFile['door']): SentFile {
    const random = this.#random;
    this.#count += 1;
    const name = `${sender}-${String(this.#count).padStart(6, '0')}.csv`;
    // Two files cross the size of one part of a multipart upload.
    const rows = random.chance(0.02)
      ? random.between(60_000, 70_000)
      : random.between(1, random.chance(0.2) ? 3_000 : 60);
    const first = random.chance(0.3) ? 0 : random.between(0, 2_000_000);
    const lines: string[] = [];
    const totals = new Map<string, string>();
    const bad = random.chance(0.1) ? random.between(0, rows - 1) : -1;
    const cents = random.between(100, 99_999);
    for (let index = 0; index < rows; index += 1) {
      const cells = transactionLine(first + index).split(',');
      const total = ((cents + index) / 100).toFixed(2);
      cells[14] = index === bad ? 'twelve' : total;
      lines.push(cells.join(','));
      if (index !== bad) totals.set(cells[0] as string, total);
    }
    // A file of which no row can be loaded.
    const onlyBad = bad >= 0 && rows === 1;
    const content = Buffer.from(`${[TRANSACTIONS_HEADER, ...lines].join('\n')}\n`);
    return {
      name,
      tenant,
      content,
      sha256: createHash('sha256').update(content).digest('hex'),
      expectedEnd: onlyBad ? 'FAILED' : bad >= 0 ? 'PARTIALLY_COMPLETED' : 'COMPLETED',
      totals,
      door,
      told: 'nothing',
      seconds: 0,
    };
  }
}
