import { run } from '../support/run.ts';

/** A command of a guide, and what the guide says that it prints. */
export interface Step {
  readonly command: string;
  readonly expected: readonly string[];
}

export interface PlayedStep extends Step {
  readonly printed: string;
}

/** The commands of all `console` blocks: a line after `$`, and lines after `>` that belong to it. */
export function readTranscript(markdown: string): Step[] {
  const steps: { command: string; expected: string[] }[] = [];
  for (const [, block = ''] of markdown.matchAll(/^```console\n(.*?)^```$/gms)) {
    for (const line of block.trimEnd().split('\n')) {
      const last = steps.at(-1);
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), expected: [] });
      else if (last && line.startsWith('> ')) last.command += `\n${line.slice(2)}`;
      else last?.expected.push(line);
    }
  }
  return steps;
}

/** Runs all commands in one shell, as a person would type them. */
export async function play(steps: readonly Step[], env: Record<string, string>): Promise<PlayedStep[]> {
  const mark = '@@ next step @@';
  const script = steps.map(({ command }) => `${command}\necho '${mark}'`).join('\n');
  const { stdout } = await run('bash', ['-c', `exec 2>&1\n${script}`], { env, timeoutMs: 120_000 });
  const outputs = stdout.split(`${mark}\n`);
  return steps.map((step, index) => ({ ...step, printed: outputs[index] ?? '' }));
}

/** Whether output is what a guide says: `…` stands for anything, and alone for any lines. */
export function matches({ expected, printed }: PlayedStep): boolean {
  const lines = expected.map((line) => {
    if (line.trim() === '…') return '[^]*';
    const parts = line.trim().split('…');
    return `${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+')).join('.*?')}\\s*`;
  });
  return new RegExp(`^${lines.join('')}$`).test(printed.replaceAll('\r', '').trimEnd());
}
