import { createHash } from 'node:crypto';

const HEADER =
  'transaction_id,location_id,register_id,employee_id,transaction_type,status,business_date,' +
  'opened_at,closed_at,currency,gross_amount,discount_amount,tax_amount,tip_amount,total_amount,channel,guest_count';

export interface GeneratedFile {
  readonly bytes: AsyncIterable<Buffer>;
  /** Hexadecimal, once `bytes` has been read to its end. */
  sha256(): string;
}

/** An orgTransactions CSV of any length, made as it is read: 700,000 rows are about 100 MB. */
export function generateTransactions(rows: number, options: { readonly seed?: number } = {}): GeneratedFile {
  const hash = createHash('sha256');
  async function* generate(): AsyncGenerator<Buffer> {
    let lines = [HEADER];
    for (let index = 0; index < rows; index += 1) {
      lines.push(transactionLine(index, options.seed ?? 0));
      if (lines.length >= 500) {
        yield take(lines);
        lines = [];
      }
    }
    yield take(lines);
  }
  const take = (lines: readonly string[]): Buffer => {
    const bytes = Buffer.from(lines.length > 0 ? `${lines.join('\n')}\n` : '');
    hash.update(bytes);
    return bytes;
  };
  return { bytes: generate(), sha256: () => hash.digest('hex') };
}

/** One valid row; the same index and seed make the same row. */
export function transactionLine(index: number, seed = 0): string {
  const id = `T-${String(seed).padStart(4, '0')}-${String(index).padStart(9, '0')}`;
  const location = `LOC-${String(index % 40).padStart(3, '0')}`;
  const day = String((index % 28) + 1).padStart(2, '0');
  const hour = String(8 + (index % 12)).padStart(2, '0');
  const minute = String(index % 60).padStart(2, '0');
  const cents = ((index * 7919) % 90_000) + 100;
  const amount = (value: number) => (value / 100).toFixed(2);
  const fields = [
    id,
    location,
    `REG-${index % 5}`,
    `EMP-${index % 200}`,
    'sale',
    'closed',
    `2026-02-${day}`,
    `2026-02-${day}T${hour}:${minute}:00Z`,
    `2026-02-${day}T${hour}:${minute}:45Z`,
    'USD',
    amount(cents),
    '0.00',
    amount(Math.round(cents * 0.08)),
    amount(cents % 500),
    amount(cents + Math.round(cents * 0.08)),
    'dine_in',
    String((index % 6) + 1),
  ];
  return fields.join(',');
}

export const TRANSACTIONS_HEADER = HEADER;

/** A small valid file. */
export function transactionsCsv(rows: number, seed = 0): string {
  const lines = Array.from({ length: rows }, (_, index) => transactionLine(index, seed));
  return `${[HEADER, ...lines].join('\n')}\n`;
}
