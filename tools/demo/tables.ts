import type { Random } from './random.ts';

// Rows as the tills, the rota and the shop system of the two organizations would export them. Made up throughout.

const TRANSACTIONS =
  'transaction_id,location_id,register_id,employee_id,transaction_type,status,business_date,opened_at,closed_at,' +
  'currency,gross_amount,discount_amount,tax_amount,tip_amount,total_amount,channel,guest_count';
const LINES =
  'transaction_id,line_id,line_number,location_id,business_date,sold_at,line_type,item_id,item_name,category,' +
  'quantity,unit_price,gross_amount,discount_amount,net_amount,currency,is_voided';
const SHIFTS =
  'shift_id,location_id,employee_id,job_code,job_title,business_date,clock_in_at,clock_out_at,' +
  'regular_hours,hourly_rate,currency,status';

const DISHES = [
  ['ITM-70', 'Margherita', 'Pizza', 1150],
  ['ITM-74', 'House red 0.25 l', 'Drinks', 590],
  ['ITM-81', 'Caesar salad', 'Starters', 980],
  ['ITM-90', 'Tiramisù', 'Desserts', 720],
] as const;
const JOBS = [
  ['SRV', 'Server', '15.00'],
  ['COOK', 'Cook', '19.50'],
  ['BAR', 'Bartender', '17.00'],
] as const;
const TITLES = ['Bread and Numbers', 'The Quiet Kitchen', 'A Day in Ledgers', 'Harbour Lights'] as const;

const two = (value: number) => String(value).padStart(2, '0');
const money = (cents: number) => (cents / 100).toFixed(2);
const csv = (header: string, rows: readonly (readonly (string | number)[])[]) =>
  `${[header, ...rows.map((row) => row.join(','))].join('\n')}\n`;
const rowsOf = <Row>(count: number, row: (index: number) => Row) =>
  Array.from({ length: count }, (_, i) => row(i));

export interface Till {
  readonly random: Random;
  /** `2026-02-20` */
  readonly day: string;
  readonly hour: number;
  /** The till, 1 to 9. */
  readonly number: number;
  readonly rows: number;
}

export function transactions({ random, day, hour, number, rows }: Till): string {
  const table = rowsOf(rows, (index) => {
    const gross = random.between(490, 12_000);
    const tax = Math.round(gross * 0.08);
    const tip = random.oneOf([0, 0, Math.round(gross * 0.15)]);
    const minute = two(random.below(55));
    return [
      `T-${day.replaceAll('-', '')}-${number}${two(hour)}${String(index).padStart(3, '0')}`,
      `LOC-00${number}`,
      `REG-${number}`,
      `EMP-${random.between(11, 24)}`,
      'sale',
      'closed',
      day,
      `${day}T${two(hour)}:${minute}:00`,
      `${day}T${two(hour)}:${minute}:45`,
      'USD',
      money(gross),
      '0.00',
      money(tax),
      money(tip),
      money(gross + tax + tip),
      random.oneOf(['dine_in', 'dine_in', 'takeaway', 'delivery']),
      random.between(1, 6),
    ];
  });
  return csv(TRANSACTIONS, table);
}

export function transactionLines({ random, day, hour, number, rows }: Till): string {
  const table = rowsOf(rows, (index) => {
    const [id, name, category, price] = random.oneOf(DISHES);
    const quantity = random.between(1, 3);
    const gross = money(price * quantity);
    return [
      `T-${day.replaceAll('-', '')}-${number}${two(hour)}${String(index >> 1).padStart(3, '0')}`,
      (index & 1) + 1,
      (index & 1) + 1,
      `LOC-00${number}`,
      day,
      `${day}T${two(hour)}:${two(index % 60)}:00`,
      'item',
      id,
      name,
      category,
      quantity,
      money(price),
      gross,
      '0.00',
      gross,
      'USD',
      'false',
    ];
  });
  return csv(LINES, table);
}

export function shifts(random: Random, day: string, rows: number): string {
  const table = rowsOf(rows, (index) => {
    const [code, title, rate] = random.oneOf(JOBS);
    const begin = random.between(9, 14);
    return [
      `SH-${day.replaceAll('-', '')}-${two(index)}`,
      `LOC-00${random.between(1, 2)}`,
      `EMP-${11 + index}`,
      code,
      title,
      day,
      `${day}T${two(begin)}:00:00`,
      `${day}T${two(begin + 8)}:00:00`,
      '7.5',
      rate,
      'USD',
      'closed',
    ];
  });
  return csv(SHIFTS, table);
}

export function invoices(random: Random, day: string, hour: number, rows: number): string {
  const data = rowsOf(rows, (index) => ({
    transaction_id: `INV-${day.replaceAll('-', '')}-${two(hour)}${two(index)}`,
    occurred_at: `${day}T${two(hour)}:${two(random.below(60))}:00+01:00`,
    amount: money(random.between(690, 16_000)),
    currency: 'EUR',
    description: random.oneOf(TITLES),
    category: 'books',
    location_id: 'LOC-003',
    payment_method: random.oneOf(['card', 'card', 'cash']),
  }));
  return `${JSON.stringify({ data }, null, 2)}\n`;
}
