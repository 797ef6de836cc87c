import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parse } from 'yaml';
import { openWorld, requireDatabaseUrl, roleLogger } from '../../src/commands/world.ts';
import { readSettings, type Settings, settingsSchema } from '../../src/settings.ts';
import {
  BY_OTHER_VALUES,
  CHART_SCHEMA,
  generateChartSchema,
  NOT_IN_PODS,
} from '../../tools/generate-chart-schema.mjs';
import { type PodTemplate, podTemplates, render, VALUES_FILES } from '../support/helm.ts';

const ROLES = ['gateway', 'api', 'worker', 'operator', 'migrate'];
/** What Node and the AWS SDK read. */
const READ_BY_LIBRARIES = [
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
];
const DATABASE = 'postgres://piing:secret@postgres.example.com:5432/piing';

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

/** What Kubernetes would hand to the process. Values of Secrets are made up; only databases' have a form. */
function environmentOf({ spec }: PodTemplate): Record<string, string> {
  const variables: readonly Variable[] = spec.containers[0].env;
  const names = variables.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)], 'a variable is there twice');
  return Object.fromEntries(
    variables.map(({ name, value, valueFrom }) => {
      assert.ok((value === undefined) !== (valueFrom?.secretKeyRef === undefined), name);
      return [name, value ?? (name.endsWith('DATABASE_URL') ? DATABASE : 'from a Secret')];
    }),
  );
}

/** Starts what the role starts before it connects, by the very functions of the process. */
async function readAsTheProcess(role: string, env: Record<string, string>): Promise<Settings> {
  const settings = readSettings(env);
  requireDatabaseUrl(settings);
  if (role === 'operator' || role === 'migrate') return settings;
  if (role === 'gateway') assert.ok(settings.PIING_HOST_KEYS?.length, 'PIING_HOST_KEYS is not set');
  const here = { ...settings, PIING_SCHEMAS_DIR: 'config/schemas', PIING_LOG_LEVEL: 'fatal' as const };
  const world = await openWorld(here, role, roleLogger(here, role));
  await world.close();
  return settings;
}

const rendered = new Map<string, Promise<PodTemplate[]>>();

function rolesOf(file: string): Promise<PodTemplate[]> {
  const known = rendered.get(file) ?? render(file).then(podTemplates);
  rendered.set(file, known);
  return known.then((templates) => templates.filter(({ role }) => ROLES.includes(role)));
}

describe('The environment of the pods', function () {
  this.timeout(60_000);

  for (const file of VALUES_FILES) {
    it(`is read by the processes, whole: ${file}`, async () => {
      const values = parse(await readFile(file, 'utf8'));
      const extra = (values.extraEnv ?? []).map(({ name }: Variable) => name);
      const templates = await rolesOf(file);
      assert.deepEqual(
        templates.map(({ role }) => role).sort(),
        ROLES.filter((role) => role !== 'migrate' || values.migrate?.enabled !== false).sort(),
      );
      for (const template of templates) {
        const env = environmentOf(template);
        const unread = Object.keys(env).filter(
          (name) => ![...Object.keys(settingsSchema.shape), ...READ_BY_LIBRARIES, ...extra].includes(name),
        );
        assert.deepEqual(unread, [], `${template.role}: nobody reads them`);
        await readAsTheProcess(template.role, env);
      }
    });

    it(`names files and directories that are mounted: ${file}`, async () => {
      for (const template of await rolesOf(file)) {
        const mounts = template.spec.containers[0].volumeMounts.map(
          ({ mountPath }: { mountPath: string }) => mountPath,
        );
        const env = environmentOf(template);
        const directories = [
          ...(env.PIING_HOST_KEYS?.split(',') ?? []).map((path) => dirname(path)),
          ...(env.NODE_EXTRA_CA_CERTS ? [dirname(env.NODE_EXTRA_CA_CERTS)] : []),
          ...(env.PIING_SCHEMAS_DIR ? [env.PIING_SCHEMAS_DIR] : []),
          ...(env.PIING_RAW_STORE?.startsWith('/') ? [env.PIING_RAW_STORE] : []),
        ];
        for (const directory of directories) assert.ok(mounts.includes(directory), directory);
        const expected = new Set([...directories, '/tmp']);
        assert.deepEqual(new Set(mounts), expected, `${template.role}: mounted and not used`);
      }
    });
  }

  it('has whole numbers as numbers are written, however large', async () => {
    const [everything] = VALUES_FILES;
    const gateway = (await rolesOf(everything as string)).find(({ role }) => role === 'gateway');
    assert.ok(gateway);
    const env = environmentOf(gateway);
    assert.equal(env.PIING_SFTP_BUFFER_BYTES, '268435456');
    assert.equal(env.PIING_MAX_FILE_BYTES, '104857600');
  });

  it('has every setting of src/settings.ts: by a value of its own, under settings, or for a reason not', async () => {
    const schema = JSON.parse(await readFile(CHART_SCHEMA, 'utf8'));
    const settable = Object.keys(schema.$defs.settings.properties);
    assert.deepEqual(
      [...settable, ...BY_OTHER_VALUES, ...NOT_IN_PODS].sort(),
      Object.keys(settingsSchema.shape).sort(),
    );
    const shown = new Set<string>();
    for (const file of VALUES_FILES)
      for (const template of await rolesOf(file))
        for (const name of Object.keys(environmentOf(template))) shown.add(name);
    assert.deepEqual(
      BY_OTHER_VALUES.filter((name) => !shown.has(name)),
      [],
      'no values file shows them',
    );
    assert.deepEqual(
      NOT_IN_PODS.filter((name) => shown.has(name)),
      [],
    );
  });

  it('may only have settings whose names and forms values.schema.json has from src/settings.ts', async () => {
    const message = 'src/settings.ts has changed: run `npm run generate`.';
    assert.equal(await readFile(CHART_SCHEMA, 'utf8'), generateChartSchema(), message);
  });

  it('would be noticed if something were missing, or if nobody read it', async () => {
    const [template] = await rolesOf(VALUES_FILES[1] as string);
    assert.ok(template);
    const env = environmentOf(template);
    await readAsTheProcess('api', env);
    await assert.rejects(readAsTheProcess('api', { ...env, DATABASE_URL: '' }), /DATABASE_URL is not set/);
    await assert.rejects(
      readAsTheProcess('api', { ...env, PIING_RAW_STORE: '' }),
      /PIING_RAW_STORE is not set/,
    );
    await assert.rejects(readAsTheProcess('gateway', { ...env, PIING_HOST_KEYS: '' }), /PIING_HOST_KEYS/);
    await assert.rejects(readAsTheProcess('api', { ...env, PIING_TYPO: '1' }), /PIING_TYPO is not a setting/);
  });
});
