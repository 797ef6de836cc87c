import Table from 'cli-table3';
import type { Peer } from './peers.ts';

export interface Row {
  readonly what: string;
  readonly better: 'less' | 'more';
  /** By the server's name. */
  readonly samples: ReadonlyMap<string, readonly number[]>;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Medians with the least and the most, and the first server's ratio to each of the others, run by run. */
export function printTable([first, ...others]: readonly Peer[], rows: readonly Row[]): void {
  if (!first) return;
  const table = new Table({
    head: ['', first.name, ...others.flatMap(({ name }) => [name, `ratio to ${name}`])],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const { what, samples, better } of rows) {
    const own = samples.get(first.name) ?? [];
    const cells = others.flatMap(({ name }) => {
      const theirs = samples.get(name);
      if (!theirs) return ['–', '–'];
      const ratios = own.map((value, index) => value / (theirs[index] ?? Number.NaN));
      return [
        spread(theirs),
        `${median(ratios).toFixed(2)} ${better === 'less' ? '(less is better)' : '(more is better)'}`,
      ];
    });
    table.push([what, spread(own), ...cells]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

function spread(values: readonly number[]): string {
  const digits = Math.abs(median(values)) < 10 ? 2 : 0;
  const [least, middle, most] = [Math.min(...values), median(values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return values.length === 1 ? `${middle}` : `${middle} (${least}–${most})`;
}
