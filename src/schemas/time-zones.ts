import { Temporal } from 'temporal-polyfill';

/**
 * True for IANA names (`Europe/Paris`, `UTC`); offsets such as +02:00 say nothing about daylight saving. Intl also knows
 * names that only ICU has, such as PST and IST, which mean different zones to different people: Temporal has none of them.
 */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    new Temporal.ZonedDateTime(0n, name);
    return true;
  } catch {
    return false;
  }
}

/** What people in the zone call their time at that moment, such as EST or GMT+1. */
export function zoneAbbreviation(timeZone: string, instant: number): string {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'short' });
  return format.formatToParts(instant).find(({ type }) => type === 'timeZoneName')?.value ?? timeZone;
}
