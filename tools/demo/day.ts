import { seeded } from './random.ts';
import { invoices, shifts, type Till, transactionLines, transactions } from './tables.ts';

/** One file of the day: who sends it when, how and where to. */
export interface Drop {
  /** Minutes since midnight. */
  readonly minute: number;
  readonly organization: 'blue-bistro' | 'corner-books';
  readonly by: 'sftp' | 'http';
  readonly folder: string;
  readonly fileName: string;
  readonly content: string;
  /** How it is sent when not simply as it is. */
  readonly manner?: 'under a temporary name' | 'broken off in the middle';
  /** What is wrong with it, or special about it. */
  readonly note?: string;
}

const FIRST_HOUR = 10;
const LAST_HOUR = 21;
const at = (hour: number, minute: number) => hour * 60 + minute;

/**
 * A day of a restaurant and of a bookshop, in the order of the clock. The same seed, day and samples make the same
 * files, byte for byte.
 */
export function dayOf(options: {
  readonly seed: number;
  readonly day: string;
  readonly samples: Samples;
}): Drop[] {
  const { seed, day, samples } = options;
  return [...restaurant(seed, day, samples), ...bookshop(seed + 1, day, samples)].sort(
    (one, other) => one.minute - other.minute,
  );
}

/** Files of config/samples/, by name. */
export type Samples = Readonly<
  Record<'orgTransactions.csv' | 'orgShifts.csv' | 'generic_transactions.json', string>
>;

function restaurant(seed: number, day: string, samples: Samples): Drop[] {
  const random = seeded(seed);
  const bistro = { organization: 'blue-bistro', by: 'sftp', folder: 'orgTransactions' } as const;
  const till = (number: number, hour: number): Till => ({
    random,
    day,
    hour,
    number,
    rows: random.between(15, 60),
  });
  const hourly = hours(1).flatMap((hour): Drop[] => [
    {
      ...bistro,
      minute: at(hour, 2),
      fileName: `till-1-${hour}.csv`,
      content: transactions(till(1, hour)),
      manner: 'under a temporary name',
    },
    { ...bistro, minute: at(hour, 5), fileName: `till-2-${hour}.csv`, content: transactions(till(2, hour)) },
  ]);
  const lunch = transactions(till(3, 13));
  const evening = transactions(till(3, 19));
  return [
    { ...bistro, minute: at(9, 30), fileName: 'yesterday.csv', content: samples['orgTransactions.csv'] },
    ...hourly,
    {
      ...bistro,
      minute: at(11, 30),
      fileName: 'stock.csv',
      content: 'sku,on_hand\nITM-70,12\nITM-74,40\n',
      note: 'not a file of transactions: refused while it is sent',
    },
    {
      ...bistro,
      minute: at(13, 40),
      fileName: 'till-3-lunch.csv',
      content: garbled(lunch),
      note: 'three amounts are no numbers, one date is none',
    },
    {
      ...bistro,
      minute: at(14, 10),
      fileName: 'till-3-lunch.csv',
      content: lunch,
      note: 'mended, sent again',
    },
    {
      ...bistro,
      by: 'http',
      folder: 'orgTransactionDetail',
      minute: at(15, 0),
      fileName: 'lines-lunch.csv',
      content: transactionLines(till(1, 14)),
    },
    {
      ...bistro,
      minute: at(17, 20),
      fileName: 'till-3-afternoon.csv',
      content: transactions(till(3, 17)),
      manner: 'broken off in the middle',
      note: 'the line went down',
    },
    {
      ...bistro,
      minute: at(19, 30),
      fileName: 'till-3-evening.csv',
      content: `${evening}T-1,"LOC-003`,
      note: 'ends within a row: fails as a whole',
    },
    {
      ...bistro,
      by: 'http',
      folder: 'orgTransactionDetail',
      minute: at(22, 30),
      fileName: 'lines-dinner.csv',
      content: transactionLines(till(2, 20)),
    },
    {
      ...bistro,
      folder: 'orgShifts',
      minute: at(22, 40),
      fileName: 'shifts.csv',
      content: shifts(random, day, 14),
    },
    {
      ...bistro,
      folder: 'orgShifts',
      minute: at(22, 50),
      fileName: 'shifts-template.csv',
      content: samples['orgShifts.csv'],
    },
  ];
}

function bookshop(seed: number, day: string, samples: Samples): Drop[] {
  const random = seeded(seed);
  const shop = { organization: 'corner-books', by: 'http', folder: 'generic_transactions' } as const;
  const regular = hours(2).map(
    (hour): Drop => ({
      ...shop,
      minute: at(hour, 15),
      fileName: `invoices-${hour}.json`,
      content: invoices(random, day, hour, random.between(5, 20)),
    }),
  );
  const evening = invoices(random, day, 18, 12);
  return [
    { ...shop, minute: at(9, 0), fileName: 'opening.json', content: samples['generic_transactions.json'] },
    {
      ...shop,
      minute: at(9, 5),
      fileName: 'opening.json',
      content: samples['generic_transactions.json'],
      note: 'the same file twice',
    },
    ...regular,
    {
      ...shop,
      minute: at(18, 30),
      fileName: 'invoices-evening.json',
      content: evening.replace('"EUR"', '"EURO"').replace(/"amount": "[\d.]+"/, '"amount": "on account"'),
      note: 'a currency and an amount that are none',
    },
    {
      ...shop,
      by: 'sftp',
      minute: at(20, 45),
      fileName: 'invoices-late.json',
      content: evening.slice(0, Math.floor(evening.length * 0.7)),
      note: 'ends in the middle: fails as a whole',
    },
  ];
}

const hours = (step: number) =>
  Array.from(
    { length: Math.floor((LAST_HOUR - FIRST_HOUR) / step) + 1 },
    (_, index) => FIRST_HOUR + index * step,
  );

/** Mistakes of the kind that people make in a spreadsheet. */
function garbled(file: string): string {
  const lines = file.split('\n');
  const change = (line: number, from: RegExp, to: string) => {
    lines[line] = lines[line]?.replace(from, to) ?? '';
  };
  change(2, /,USD,[\d.]+,/, ',USD,12.5O,');
  change(5, /,USD,[\d.]+,/, ',USD,n/a,');
  change(8, /,USD,[\d.]+,/, ',USD,$9.80,');
  change(11, /,closed,\d+-\d+-\d+,/, ',closed,yesterday,');
  return lines.join('\n');
}
