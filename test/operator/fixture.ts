import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import type { Pool } from '../../src/database/pool.ts';
import type { Organization, SchemaEnablement, Secret } from '../../src/operator/kinds.ts';
import { type Operator, startOperator } from '../../src/operator/operator.ts';
import { createOperatorMetrics } from '../../src/operator/operator-metrics.ts';
import { createApiClient } from '../../src/operator/runtime/api-client.ts';
import type { Condition } from '../../src/operator/runtime/conditions.ts';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { authenticate } from '../../src/tenancy/access.ts';
import { type ControlPlane, loadKubeconfig, testControlPlane } from '../support/control-plane.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { MINIMAL_VALUES, render } from '../support/helm.ts';
import { silentLogger } from '../support/logger.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { until } from '../support/until.ts';

type Fields = Readonly<Record<string, unknown>>;
export type Tenant = Organization | SchemaEnablement;

/** A namespace and a database of a suite's own, and operators that may do exactly what the chart lets them. */
export interface Cluster {
  readonly plane: ControlPlane;
  readonly database: TestDatabase;
  readonly namespace: string;
  /** A kubeconfig with a token of the operator's ServiceAccount, in a file that may be replaced. */
  kubeconfig(name?: string, port?: number): Promise<{ readonly path: string; readonly tokenFile: string }>;
  newToken(): Promise<string>;
  startOperator(options?: StartOptions): Promise<Operator>;
  apply(...manifests: readonly Fields[]): Promise<void>;
  applyIn(namespace: string, ...manifests: readonly Fields[]): Promise<void>;
  /** Makes another namespace, in which the operator may do the same. */
  moreNamespace(): Promise<string>;
  kubectl(...args: readonly string[]): Promise<string>;
  get(kind: 'org' | 'se', name: string): Promise<Tenant>;
  secret(name: string): Promise<Secret | undefined>;
  /** The pair in a delivery Secret, as soon as it is there. */
  pair(secretName: string): Promise<Pair>;
  /** Waits until Ready has a reason, and returns the resource. */
  untilReady(kind: 'org' | 'se', name: string, reason?: string): Promise<Tenant>;
  until(kind: 'org' | 'se', name: string, holds: (resource: Tenant) => boolean): Promise<Tenant>;
  logsIn(pair: Pair): Promise<boolean>;
  close(): Promise<void>;
}

export interface Pair {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface StartOptions {
  readonly kubeconfig?: string;
  /** An install of its own has a Lease of its own. */
  readonly leaseNamespace?: string;
  readonly leaseDurationMs?: number;
  readonly resyncMs?: number;
  readonly watchNamespaces?: readonly string[] | undefined;
  readonly identity?: string;
  readonly onLost?: () => void;
  readonly registry?: Registry;
}

export async function newCluster(name: string): Promise<Cluster> {
  const plane = await testControlPlane();
  const namespace = `${name}-${randomBytes(3).toString('hex')}`;
  const directory = await temporaryDirectory('operator');
  const kubectl = (...args: readonly string[]) => plane.mustKubectl(['-n', namespace, ...args]);
  const [database] = await Promise.all([
    migratedDatabase(),
    plane.mustKubectl(['create', 'namespace', namespace]),
  ]);
  await permit(plane, namespace, namespace);
  const newToken = async () => (await kubectl('create', 'token', 'piing-operator', '--duration=1h')).trim();
  const kubeconfig = async (file = 'operator', port?: number) => {
    const tokenFile = join(directory, `${file}.token`);
    await writeFile(tokenFile, await newToken(), { mode: 0o600 });
    return {
      path: await plane.writeKubeconfig(`${namespace}-${file}`, { file: tokenFile }, port),
      tokenFile,
    };
  };
  const own = await kubeconfig();
  const operators: Operator[] = [];
  const more: string[] = [];
  const get = async (kind: 'org' | 'se', resource: string) =>
    JSON.parse(await kubectl('get', kind, resource, '-o', 'json')) as Tenant;
  const cluster: Cluster = {
    plane,
    database,
    namespace,
    kubeconfig,
    newToken,
    kubectl,
    get,
    startOperator: async (options = {}) => {
      const watchNamespaces = 'watchNamespaces' in options ? options.watchNamespaces : [namespace];
      const { kubeconfig: path = own.path, leaseNamespace = namespace } = options;
      const settings = { ...options, watchNamespaces };
      const operator = await startTestOperator(database.pool, path, leaseNamespace, settings);
      operators.push(operator);
      return operator;
    },
    apply: (...manifests) => cluster.applyIn(namespace, ...manifests),
    applyIn: async (where, ...manifests) => {
      const items = manifests.map((manifest) => ({ apiVersion: 'piing.ai/v1alpha1', ...manifest }));
      const list = { apiVersion: 'v1', kind: 'List', items };
      await plane.mustKubectl(['-n', where, 'apply', '-f', '-'], JSON.stringify(list));
    },
    moreNamespace: async () => {
      const other = `${name}-more-${randomBytes(3).toString('hex')}`;
      await plane.mustKubectl(['create', 'namespace', other]);
      await permit(plane, other, namespace);
      more.push(other);
      return other;
    },
    secret: async (secret) => {
      const { code, stdout } = await plane.kubectl(['-n', namespace, 'get', 'secret', secret, '-o', 'json']);
      return code === 0 ? (JSON.parse(stdout) as Secret) : undefined;
    },
    pair: (secret) =>
      until(async () => {
        const data = (await cluster.secret(secret))?.data;
        const decode = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString();
        return data && { clientId: decode('client_id'), clientSecret: decode('client_secret') };
      }),
    until: (kind, resource, holds) => {
      let last: Tenant | undefined;
      return until(async () => {
        last = await get(kind, resource);
        return holds(last) ? last : undefined;
      }, 45_000).catch(() =>
        assert.fail(`${kind} ${resource} stayed at ${JSON.stringify(last?.status, null, 1)}`),
      );
    },
    untilReady: (kind, resource, reason = 'Applied') =>
      cluster.until(
        kind,
        resource,
        (found) =>
          condition(found, 'Ready')?.reason === reason &&
          found.status?.observedGeneration === found.metadata.generation,
      ),
    logsIn: async ({ clientId, clientSecret }) =>
      (await authenticate(database.pool, { clientId, clientSecret, remoteAddress: '127.0.0.1' })).allowed,
    close: async () => {
      for (const operator of operators) await operator.close();
      for (const each of [namespace, ...more]) await removeAll(plane, each);
      await database.close();
    },
  };
  return cluster;
}

export function condition({ status }: Tenant, type: string): Condition | undefined {
  return status?.conditions?.find((each) => each.type === type);
}

export function organization(name: string, spec: Fields = {}): Fields {
  return { kind: 'Organization', metadata: { name }, spec: { credentials: [{ name: 'pos' }], ...spec } };
}

export function enablement(
  name: string,
  organizationName: string,
  schemaType = 'orgShifts',
  spec: Fields = {},
) {
  const organizationRef = { name: organizationName };
  return { kind: 'SchemaEnablement', metadata: { name }, spec: { organizationRef, schemaType, ...spec } };
}

/** An operator in this process. */
export async function startTestOperator(
  pool: Pool,
  kubeconfig: string,
  namespace: string,
  options: StartOptions,
): Promise<Operator> {
  return startOperator({
    api: createApiClient({ config: loadKubeconfig(kubeconfig), userAgent: 'piing-operator-test' }),
    pool,
    catalogue: await loadCatalogue('config/schemas'),
    logger: silentLogger,
    metrics: createOperatorMetrics(options.registry ?? new Registry()),
    identity: options.identity ?? randomBytes(6).toString('hex'),
    leaseNamespace: namespace,
    ...(options.leaseDurationMs === undefined ? {} : { leaseDurationMs: options.leaseDurationMs }),
    watchNamespaces: options.watchNamespaces,
    workers: 4,
    resyncMs: options.resyncMs ?? 600_000,
    onLost: options.onLost ?? (() => undefined),
  });
}

/** The chart's account in `home`, and its Roles for `namespace`: a Lease there too, as for an install of its own. */
async function permit(plane: ControlPlane, namespace: string, home: string): Promise<void> {
  const rendered = await render(MINIMAL_VALUES, {
    namespace,
    set: [`operator.watchNamespaces={${namespace}}`],
    only: ['operator/rbac.yaml', 'serviceaccounts.yaml'],
  });
  const items = rendered
    .filter(({ kind }) => namespace === home || kind !== 'ServiceAccount')
    .map((item) =>
      item.kind === 'RoleBinding'
        ? { ...item, subjects: [{ kind: 'ServiceAccount', name: 'piing-operator', namespace: home }] }
        : item,
    );
  // By server-side apply, as the chart's tests do it with the same ClusterRole.
  const apply = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
  await plane.mustKubectl(apply, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** Nobody is left who would take the finalizers away. */
async function removeAll(plane: ControlPlane, namespace: string): Promise<void> {
  const listed = await plane.mustKubectl(['-n', namespace, 'get', 'piing', '-o', 'name']);
  const names = listed.split('\n').filter(Boolean);
  const patch = ['--type=merge', '-p', '{"metadata":{"finalizers":null}}'];
  if (names.length > 0) await plane.kubectl(['-n', namespace, 'patch', ...names, ...patch]);
  await plane.kubectl(['-n', namespace, 'delete', 'piing', '--all', '--wait=false']);
}
