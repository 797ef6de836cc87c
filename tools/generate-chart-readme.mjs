// Writes charts/piing-gateway/README.md from the comments of values.yaml, by helm-docs: `npm run generate`.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildGoTools } from './go-tools.mjs';

const chart = join(dirname(fileURLToPath(import.meta.url)), '..', 'charts', 'piing-gateway');
export const CHART_README = join(chart, 'README.md');

export function generateChartReadme() {
  const program = join(buildGoTools('helm'), 'helm-docs');
  const args = ['--chart-search-root=.', '--sort-values-order=file', '--dry-run'];
  const result = spawnSync(program, args, { cwd: chart, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`helm-docs: ${result.stderr}`);
  return `${result.stdout.trim()}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(CHART_README, generateChartReadme());
