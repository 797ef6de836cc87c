import { createInterface } from 'node:readline/promises';
import cliProgress from 'cli-progress';
import { StartupError } from '../support/listen.ts';

export const toJson = (value: unknown): string => JSON.stringify(value, null, 2);

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * Asks before something that concerns a lot. Without a terminal there is nobody to ask: `--yes` has to be given.
 * @throws {StartupError} when the answer is not yes
 */
export async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new StartupError(`${question} Nothing was done: give --yes to confirm.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new StartupError('Nothing was done.');
  } finally {
    terminal.close();
  }
}

/** A bar on the terminal's standard error, which leaves standard output to the result; none for scripts. */
export function progressBar(
  label: string,
  total: number,
  shown: boolean,
): { update(value: number): void; stop(): void } {
  if (!shown || total === 0) return { update: () => undefined, stop: () => undefined };
  const bar = new cliProgress.SingleBar({
    format: `${label} {bar} {value}/{total}`,
    noTTYOutput: false,
    stream: process.stderr,
  });
  bar.start(total, 0);
  return { update: (value) => bar.update(value), stop: () => bar.stop() };
}
