import assert from 'node:assert/strict';
import { run } from '../support/run.ts';

/** A command of a guide, and what the guide says that it prints. */
export interface Step {
  readonly command: string;
  readonly expected: readonly string[];
}

export interface PlayedStep extends Step {
  readonly printed: string;
}

/** A fenced block: what stands behind its fence (`console`, or a language and the name of a file), and its content. */
export interface Block {
  readonly language: string;
  /** The file that the block is, where the fence names one. */
  readonly file: string | undefined;
  readonly content: string;
}

export function readBlocks(markdown: string): Block[] {
  return Array.from(
    markdown.matchAll(/^```(\S+)(?: (\S+))?\n(.*?)^```$/gms),
    ([, language = '', file, content = '']) => ({ language, file, content }),
  );
}

/** The commands of all `console` blocks: a line after `$`, and lines after `>` that belong to it. */
export function readTranscript(markdown: string): Step[] {
  const steps: { command: string; expected: string[] }[] = [];
  for (const { content } of readBlocks(markdown).filter(({ language }) => language === 'console')) {
    for (const line of content.trimEnd().split('\n')) {
      const last = steps.at(-1);
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), expected: [] });
      else if (last && line.startsWith('> ')) last.command += `\n${line.slice(2)}`;
      else last?.expected.push(line);
    }
  }
  return steps;
}

/** Runs all commands in one shell, as a person would type them. */
export async function play(
  steps: readonly Step[],
  env: Record<string, string>,
  cwd?: string,
): Promise<PlayedStep[]> {
  const mark = '@@ next step @@';
  const script = steps.map(({ command }) => `${command}\necho '${mark}'`).join('\n');
  const { stdout } = await run('bash', ['-c', `exec 2>&1\n${script}`], {
    env,
    timeoutMs: 240_000,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const outputs = stdout.split(`${mark}\n`);
  return steps.map((step, index) => ({ ...step, printed: outputs[index] ?? '' }));
}

/** @throws {AssertionError} that shows the first step that printed something else than the guide says */
export function assertPlayed(played: readonly PlayedStep[]): void {
  for (const step of played)
    assert.ok(
      matches(step),
      `$ ${step.command}\nprinted\n${step.printed}\nand the guide says\n${step.expected.join('\n')}`,
    );
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
