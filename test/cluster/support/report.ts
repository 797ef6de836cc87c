/** Says how long something took, between the lines of mocha's report. */
export async function report<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  const started = performance.now();
  const result = await action();
  process.stdout.write(`    ${what} in ${((performance.now() - started) / 1_000).toFixed(1)} s\n`);
  return result;
}
