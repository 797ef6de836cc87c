import Table from 'cli-table3';
import type { Sample } from './measure.ts';

/** Medians of a contender's runs, beside the ratio of the floor run by run. */
export interface Row {
  readonly what: string;
  readonly samples: readonly Sample[];
  readonly floor?: readonly Sample[];
}

export function printTable(title: string, rows: readonly Row[]): void {
  const table = new Table({
    head: [title, 'wall s', '× floor', 'CPU s', '× floor', 'client', 'PostgreSQL', 'peak MB'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const { what, samples, floor } of rows) {
    const of = (pick: (sample: Sample) => number, digits = 2) => median(samples.map(pick)).toFixed(digits);
    const ratio = (pick: (sample: Sample) => number) =>
      floor ? median(samples.map((sample, run) => pick(sample) / pick(floor[run] as Sample))).toFixed(2) : '';
    const cpu = (sample: Sample) => sample.client + sample.postgres;
    const wall = (sample: Sample) => sample.wall;
    const peak = samples.some((sample) => sample.client > 0) ? of((sample) => sample.peak, 0) : '';
    table.push([
      what,
      of(wall),
      ratio(wall),
      of(cpu),
      ratio(cpu),
      of((sample) => sample.client),
      of((sample) => sample.postgres),
      peak,
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
