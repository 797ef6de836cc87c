import Table from 'cli-table3';
import { z } from 'zod';
import { settingsSchema } from '../settings.ts';
import { PLAIN_TABLE } from './uploads-tables.ts';

/** `piing settings`: every environment variable with its default and what it is for. */
export function showSettings(): void {
  const { properties = {} } = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['VARIABLE', 'DEFAULT', 'MEANING'],
    colWidths: [32, 40, 90],
    wordWrap: true,
  });
  for (const [name, property] of Object.entries(properties)) {
    const { default: byDefault, description = '' } = property as { default?: unknown; description?: string };
    table.push([name, byDefault === undefined ? '' : String(byDefault), description]);
  }
  process.stdout.write(`${table.toString()}\n`);
}
