/** Says how long something took. */
export async function report<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  const started = performance.now();
  const result = await action();
  say(`${what} in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  return result;
}

/** A line between those of mocha's report. */
export function say(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
