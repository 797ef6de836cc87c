import type { Campaign } from './campaign.ts';
import type { Findings } from './checker.ts';
import type { Recovery } from './recovery.ts';

/** The outcome of a campaign as text. */
export function reportOf(campaign: Campaign): string {
  const { sent, struck, leftOut, deaths, findings, longestStall, settleSeconds } = campaign;
  const told = (what: string) => sent.filter((file) => file.told === what).length;
  const lines = [
    '| fault | times | s from healing to an acknowledgement, median (longest) | s to rows, median (longest) |',
    '|---|---|---|---|',
    ...[...struck].map(([name, recoveries]) => {
      const seconds = (of: keyof Recovery) => medianAndLongest(recoveries.map((recovery) => recovery[of]));
      return `| ${name} | ${recoveries.length} | ${seconds('acknowledged')} | ${seconds('processed')} |`;
    }),
    '',
    `faults ${[...struck.values()].reduce((sum, times) => sum + times.length, 0)}, files sent ${sent.length}, ` +
      `acknowledged ${told('acknowledged')}, refused ${told('refused')}, without an answer ${told('nothing')}`,
    `longest stall ${longestStall.toFixed(1)} s, everything ended ${settleSeconds.toFixed(1)} s after the last fault`,
  ];
  if (leftOut.length > 0) lines.push(`not possible here: ${leftOut.join('; ')}`);
  if (deaths.length > 0) lines.push(`processes that ended by themselves: ${deaths.join(', ')}`);
  return [...lines, findingsText(findings)].join('\n');
}

export function findingsText(findings: Findings): string {
  return Object.entries(findings)
    .flatMap(([what, sentences]) => [
      `${what}: ${sentences.length}`,
      ...sentences.slice(0, 20).map((sentence: string) => `  ${sentence}`),
    ])
    .join('\n');
}

function medianAndLongest(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `${median.toFixed(1)} (${(sorted.at(-1) ?? 0).toFixed(1)})`;
}
