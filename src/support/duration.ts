const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration as Go and Kubernetes write it in hours, minutes and seconds: `24h`, `1h30m`, `0s`. */
export function parseDuration(text: string): number {
  if (!/^(\d+[hms])+$/.test(text)) {
    throw new RangeError(
      `"${text}" is not a duration. Write hours, minutes and seconds, such as 24h or 1h30m.`,
    );
  }
  let milliseconds = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+)([hms])/g)) {
    milliseconds += Number(count) * (UNIT_MS[unit] ?? 0);
  }
  return milliseconds;
}
