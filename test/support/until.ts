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
