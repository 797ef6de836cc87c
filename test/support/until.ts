/** Does it again until it succeeds. */
export async function untilDone(
  action: () => Promise<unknown>,
  timeoutMs: number,
  pauseMs: number,
): Promise<void> {
  const succeeds = () =>
    action().then(
      () => true,
      () => undefined,
    );
  await until(succeeds, timeoutMs, pauseMs);
}

/** Asks until there is an answer. */
export async function until<Result>(
  ask: () => Promise<Result | undefined>,
  timeoutMs = 30_000,
  pauseMs = 20,
): Promise<Result> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`Nothing after ${timeoutMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
