import { userInfo } from 'node:os';
import Table from 'cli-table3';
import type { Settings } from '../settings.ts';
import { StartupError } from '../support/listen.ts';
import { listOperators, type OperatorRecord, putInCharge } from '../tenancy/operator-claims.ts';
import { withControl } from './control-database.ts';
import { print, toJson } from './terminal.ts';
import { PLAIN_TABLE, time } from './uploads-tables.ts';
import { roleLogger } from './world.ts';

export async function listOperatorsCommand(
  settings: Settings,
  options: { readonly json?: boolean },
): Promise<void> {
  await withControl(settings, async (pool) => {
    const operators = await listOperators(pool);
    print(options.json ? toJson(operators) : operatorsTable(operators));
  });
}

/** `piing operators put-in-charge`: after a disaster, or a move to another cluster. */
export async function putInChargeCommand(settings: Settings, id: string): Promise<void> {
  await withControl(settings, async (pool) => {
    const operator = await putInCharge(pool, id);
    if (!operator)
      throw new StartupError(
        `No operator ${JSON.stringify(id)} has asked for this database. See them with: piing operators list`,
      );
    const audit = { audit: 'operator-put-in-charge', operator: id, by: userInfo().username };
    roleLogger(settings, 'admin').warn(audit, 'operator put in charge');
    print(operatorsTable(await listOperators(pool)));
  });
}

function operatorsTable(operators: readonly OperatorRecord[]): string {
  if (operators.length === 0) return 'No operators.';
  const head = ['OPERATOR', 'NAMESPACES', 'STATE', 'SINCE (UTC)', 'LAST SEEN (UTC)', 'PROCESS'];
  const table = new Table({ ...PLAIN_TABLE, head });
  for (const { id, namespaces, inCharge, since, seenAt, host } of operators) {
    const state = inCharge ? 'in charge' : 'not in charge';
    table.push([id, namespaces?.join(', ') ?? 'all', state, time(since), time(seenAt), host]);
  }
  return table.toString();
}
