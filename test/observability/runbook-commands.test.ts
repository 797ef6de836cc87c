import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasProgram, requireClient } from '../support/clients.ts';
import { migratedDatabase } from '../support/database.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { run } from '../support/run.ts';

const RUNBOOKS = 'docs/runbooks';
const PROGRAMS = ['kubectl', 'helm', 'promtool', 'psql', 'jq', 'sort', 'uniq', 'head', 'base64'];
const KUBECTL = [
  'get',
  'logs',
  'exec',
  'describe',
  'rollout',
  'scale',
  'top',
  'delete',
  'auth',
  'port-forward',
];
const HELM = ['rollback', 'upgrade', 'history', 'list'];
/** In commands as examples: what a person puts something else for. */
const PLACEHOLDER = /\b(ID|PID|POD|NAME|TENANT|ORGANIZATION|WEBHOOK)\b/;

/** Every command of every runbook: lines of blocks, and code in sentences that begins with a program. */
describe('Commands of the runbooks', () => {
  const commands: { readonly page: string; readonly line: string }[] = [];
  before(async () => {
    for (const page of await readdir(RUNBOOKS)) {
      const text = await readFile(join(RUNBOOKS, page), 'utf8');
      const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(
        ([, block]) => block?.split('\n') ?? [],
      );
      const inline = [
        ...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`((?:kubectl|psql|piing|helm) [^`]+)`/g),
      ];
      for (const line of [...blocks, ...inline.map(([, code]) => (code ?? '').replace(/\s+/g, ' '))])
        if (line.trim() !== '' && !line.startsWith('export ')) commands.push({ page, line });
    }
    assert.ok(commands.length > 60);
  });

  it('begin with programs and verbs that there are', () => {
    for (const { page, line } of commands) {
      for (const part of outsideQuotes(line).split('|')) {
        const [program = '', ...words] = part.trim().split(/\s+/);
        if (program === 'piing') continue;
        assert.ok(PROGRAMS.includes(program), `${page}: ${program}`);
        const verb = verbOf(words);
        if (program === 'kubectl') assert.ok(KUBECTL.includes(verb), `${page}: kubectl ${verb}`);
        if (program === 'helm') assert.ok(HELM.includes(verb), `${page}: helm ${verb}`);
      }
    }
  });

  it('name commands and options of piing that there are', async function () {
    this.timeout(120_000);
    const calls = new Set(
      commands.flatMap(({ line }) => /(?:^|-- )piing ([^|`]+)$/.exec(line)?.[1]?.trim() ?? []),
    );
    assert.ok(calls.size >= 8);
    for (const call of calls) {
      const words = call.split(/\s+/);
      const path = words.slice(
        0,
        words.findIndex((word) => word.startsWith('-') || PLACEHOLDER.test(word)) >>> 0,
      );
      const { code, stdout, stderr } = await run(process.execPath, ['src/main.ts', ...path, '--help']);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^Usage: piing ${path.join(' ')}\\b`), call);
      for (const option of words.filter((word) => word.startsWith('--')))
        assert.ok(stdout.includes(option), `piing ${call}: no ${option}`);
    }
  });

  it('ask databases in SQL that the tables understand', async () => {
    const database = await migratedDatabase();
    const statements = commands.flatMap(({ page, line }) => {
      const sql = /^psql .* -c "(.*)"$/.exec(line)?.[1];
      return sql === undefined ? [] : [{ page, sql: sql.replace(/\bPID\b/, '0') }];
    });
    assert.ok(statements.length > 8);
    for (const { page, sql } of statements)
      await database.pool
        .query(sql)
        .catch((error: Error) => assert.fail(`${page}: ${error.message}: ${sql}`));
    await database.close();
  });

  it('ask Prometheus in what it understands', async function () {
    requireClient(this, 'prometheus', hasProgram('prometheus'));
    const prometheus: Prometheus = await startPrometheus([]);
    const queries = commands.flatMap(
      ({ line }) => /^promtool query instant "\$PROMETHEUS" '(.*)'$/.exec(line)?.[1] ?? [],
    );
    assert.ok(queries.length > 15);
    for (const query of queries) await prometheus.query(query);
    await prometheus.stop();
  });

  it('look for messages that the code logs', async () => {
    const sources = await Promise.all(
      (await readdir('src', { recursive: true }))
        .filter((name) => name.endsWith('.ts'))
        .map((name) => readFile(join('src', name), 'utf8')),
    );
    // The one message that is put together.
    const source = sources.join('\n').replace(/`upload \$\{outcome\}`/, "'upload refused'");
    const messages = commands.flatMap(({ line }) =>
      [...line.matchAll(/\.msg == "([^"]+)"/g)].map(([, text]) => text),
    );
    assert.ok(messages.length > 6);
    for (const message of messages) assert.ok(source.includes(`'${message}'`), message);
  });

  it('filter logs in what jq understands', async function () {
    requireClient(this, 'jq', hasProgram('jq'));
    const filters = commands.flatMap(({ line }) => [...line.matchAll(/\| jq (-c|-r) '([^']+)'/g)]);
    assert.ok(filters.length > 8);
    for (const [, option = '', filter = ''] of filters) {
      const { code, stderr } = await run('jq', [option, filter], {
        input: '{"msg": "x", "level": 30, "err": {}}',
      });
      assert.equal(code, 0, stderr);
    }
  });
});

const outsideQuotes = (line: string) => line.replace(/'[^']*'|"[^"]*"/g, 'QUOTED');

/** The first word that is neither an option nor the namespace. */
function verbOf(words: readonly string[]): string {
  const [first = '', , ...rest] = words;
  return first === '-n' || first === '--namespace' ? verbOf(rest) : first;
}
