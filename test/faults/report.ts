import type { Campaign } from './campaign.ts';

/** The outcome of a campaign as text. */
export function reportOf({ sent, struck, findings, longestStall, settleSeconds }: Campaign): string {
  const told = (what: string) => sent.filter((file) => file.told === what).length;
  const lines = [
    '| fault | times | median s until the next acknowledgement | longest |',
    '|---|---|---|---|',
    ...[...struck].map(([name, seconds]) => {
      const sorted = seconds.toSorted((a, b) => a - b);
      const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
      return `| ${name} | ${seconds.length} | ${median.toFixed(1)} | ${(sorted.at(-1) ?? 0).toFixed(1)} |`;
    }),
    '',
    `faults ${[...struck.values()].reduce((sum, times) => sum + times.length, 0)}, files sent ${sent.length}, ` +
      `acknowledged ${told('acknowledged')}, refused ${told('refused')}, without an answer ${told('nothing')}`,
    `longest stall ${longestStall.toFixed(1)} s, everything ended ${settleSeconds.toFixed(1)} s after the last fault`,
  ];
  for (const [what, sentences] of Object.entries(findings))
    lines.push(
      `${what}: ${sentences.length}`,
      ...sentences.slice(0, 20).map((sentence: string) => `  ${sentence}`),
    );
  return lines.join('\n');
}
