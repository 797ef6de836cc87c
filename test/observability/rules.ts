import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

const RULES_DIRECTORY = 'charts/piing-gateway/rules';

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export async function ruleFiles(): Promise<string[]> {
  const names = await readdir(RULES_DIRECTORY);
  return names
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => join(RULES_DIRECTORY, name));
}

export async function readRules(file: string): Promise<RuleFile> {
  return parse(await readFile(file, 'utf8')) as RuleFile;
}

export async function allRules(): Promise<Rule[]> {
  const files = await Promise.all((await ruleFiles()).map(readRules));
  return files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));
}

/** How much faster a test's clock goes. */
const HASTE = 120;
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * The same rules for a test that cannot wait for hours: windows (`[5m]`), offsets and `for` are divided by 120, and none
 * is shorter than 5 s, so that a rate still has samples. Names, thresholds and everything else stay as they are.
 */
export function hastened(file: RuleFile): RuleFile {
  return {
    groups: file.groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ({
        ...rule,
        expr: rule.expr
          .replace(/\[(\d+)([smhd])\]/g, (_, count, unit) => `[${seconds(count, unit)}s]`)
          .replace(/offset (\d+)([smhd])/g, (_, count, unit) => `offset ${seconds(count, unit)}s`),
        ...(rule.for && {
          for: rule.for.replace(/^(\d+)([smhd])$/, (_, count, unit) => `${seconds(count, unit, 1)}s`),
        }),
      })),
    })),
  };
}

const seconds = (count: string, unit: string, least = 5) =>
  Math.max(least, Math.round((Number(count) * (UNIT_SECONDS[unit] ?? 1)) / HASTE));
