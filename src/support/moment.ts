import { StartupError } from './listen.ts';

const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS };

/**
 * A point in time as people type it: `2026-02-20`, `2026-02-20T08:30`, `2026-02-20T08:30:00+02:00`, or how long ago,
 * `90m`, `24h`, `7d`. Without an offset it is UTC.
 * @throws {StartupError}
 */
export function parseMoment(text: string, now = new Date()): Date {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (unit) return new Date(now.getTime() - Number(count) * (UNITS_MS[unit] ?? 0));
  const [, day, time = 'T00:00', offset = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const moment = new Date(`${day}T${time.replace('T', '')}${offset}`);
  // JavaScript takes 30 February for 2 March.
  if (Number.isNaN(moment.getTime()) || !sameDay(moment, `${day}`, offset))
    throw new StartupError(
      `${JSON.stringify(text)} is not a time. Write a day such as 2026-02-20, a time such as 2026-02-20T08:30Z, or how long ago, such as 24h or 7d.`,
    );
  return moment;
}

function sameDay(moment: Date, day: string, offset: string): boolean {
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? [];
  const shift = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return new Date(moment.getTime() + shift).toISOString().startsWith(day);
}
