import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { TRANSACTIONS_HEADER } from '../../test/support/csv-files.ts';

/** Floor A: `\copy` into a staging table, then the merge that everybody writes. */
export async function copyAndMerge(
  url: string,
  organization: string,
  path: string,
  receivedAt: string,
): Promise<void> {
  const schema = (await loadCatalogue('config/schemas')).get('orgTransactions');
  if (!schema) throw new Error('no schema');
  const columns = TRANSACTIONS_HEADER.split(',');
  const key = schema.naturalKey.join(', ');
  const all = schema.columns.map(({ name }) => name);
  const system = ['_upload_id', '_line', '_received_at'];
  const set = [...all.filter((name) => !schema.naturalKey.includes(name)), ...system]
    .map((name) => `${name} = EXCLUDED.${name}`)
    .join(', ');
  const definitions = schema.columns.map(({ name, sqlType }) => `${name} ${sqlType}`).join(', ');
  await psql(url, [
    'BEGIN',
    `CREATE TEMP TABLE floor (${definitions}, _line bigserial) ON COMMIT DROP`,
    `\\copy floor (${columns.join(', ')}) FROM '${path}' (FORMAT csv, HEADER)`,
    `INSERT INTO public.org_transactions AS t (organization_id, ${all.join(', ')}, ${system.join(', ')})
     SELECT DISTINCT ON (${key}) '${organization}', ${all.join(', ')}, '01900000-0000-7000-8000-000000000000'::uuid, _line, '${receivedAt}'::timestamptz
       FROM floor ORDER BY ${key}, _line DESC
     ON CONFLICT (organization_id, ${key}) DO UPDATE SET ${set} WHERE t._received_at <= EXCLUDED._received_at`,
    'COMMIT',
  ]);
}

/** Floor B: `\copy` straight into the table, which cannot be done twice. Its system columns have defaults for it. */
export async function copyDirectly(url: string, organization: string, path: string): Promise<void> {
  const defaults = (action: (value: string) => string) =>
    `ALTER TABLE public.org_transactions ${[
      ['organization_id', `'${organization}'`],
      ['_upload_id', `'01900000-0000-7000-8000-000000000001'`],
      ['_line', '1'],
      ['_received_at', 'now()'],
    ]
      .map(([name, value]) => `ALTER ${name} ${action(value as string)}`)
      .join(', ')}`;
  await psql(url, [defaults((value) => `SET DEFAULT ${value}`)]);
  await psql(url, [
    `\\copy public.org_transactions (${TRANSACTIONS_HEADER}) FROM '${path}' (FORMAT csv, HEADER)`,
  ]);
  await psql(url, [defaults(() => 'DROP DEFAULT')]);
}

/** pgloader into an unlogged table without keys; the merge that would have to follow is left out. */
export async function pgloader(url: string, directory: string, path: string): Promise<void> {
  const schema = (await loadCatalogue('config/schemas')).get('orgTransactions');
  const definitions = schema?.columns.map(({ name, sqlType }) => `${name} ${sqlType}`).join(', ');
  await psql(url, [
    'DROP TABLE IF EXISTS public.pgloader_staging',
    `CREATE UNLOGGED TABLE public.pgloader_staging (${definitions})`,
  ]);
  const script = join(directory, 'pgloader.load');
  await writeFile(
    script,
    `LOAD CSV FROM '${path}' HAVING FIELDS (${TRANSACTIONS_HEADER})
     INTO ${url.replace('postgres:', 'postgresql:')} TARGET TABLE public.pgloader_staging (${TRANSACTIONS_HEADER})
     WITH skip header = 1, fields terminated by ',';`,
  );
  await run('pgloader', ['--quiet', '--root-dir', join(directory, 'pgloader'), script]);
}

async function psql(url: string, statements: readonly string[]): Promise<void> {
  const commands = statements.flatMap((statement) => ['-c', statement.replaceAll(/\s+/g, ' ')]);
  await run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', url, ...commands]);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data;
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors.slice(0, 2_000)}`);
}
