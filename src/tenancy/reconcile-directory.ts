import type { Pool } from '../database/pool.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import { type FileWatcher, fingerprintFiles, watchFiles } from '../support/watch-files.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ApplyResult, DeliverCredential } from './apply.ts';
import { applyEnablement } from './apply-enablement.ts';
import { applyOrganization } from './apply-organization.ts';
import { ManifestError, manifestFiles, readManifests } from './manifests.ts';
import { removeVanished } from './remove-vanished.ts';
import { DEFAULT_NAMESPACE, nameOf } from './resources.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

export interface ReconcileOptions {
  readonly directory: string;
  readonly pool: Pool;
  readonly catalogue: Catalogue;
  readonly deliver: DeliverCredential;
  /** Default: none, and webhooks wait. */
  readonly webhookSecrets?: WebhookSecrets;
  readonly logger: Logger;
  /**
   * True when nothing else describes tenants of this database: what is not in the directory is then removed in every
   * namespace. Otherwise only in `default` and in the namespaces that the directory uses. Default: false.
   */
  readonly wholeDatabase?: boolean;
}

/** Why a resource is not in effect as written. */
interface ResourceProblem {
  /** `SchemaEnablement default/blue-bistro-shifts` */
  readonly resource: string;
  readonly reason: 'Conflict' | 'Waiting' | 'Invalid' | 'Failed';
  readonly message: string;
}

/** What one pass over a directory did, with the names of the resources: `Organization default/blue-bistro`. */
export interface ReconcileReport {
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly problems: readonly ResourceProblem[];
}

/**
 * Brings the control database to what a directory of manifests says, and removes what it says no more.
 * A resource that cannot be applied is reported and does not hold up the others.
 * @throws {ManifestError} before anything has changed, when a manifest cannot be used
 */
export function reconcileDirectory(options: ReconcileOptions): Promise<ReconcileReport> {
  return reconcile(options, new Set([DEFAULT_NAMESPACE]));
}

/** @param namespaces those of this directory so far; grows by those that it uses now */
async function reconcile(options: ReconcileOptions, namespaces: Set<string>): Promise<ReconcileReport> {
  const { pool, catalogue, deliver, webhookSecrets, logger } = options;
  const manifests = await readManifests(options.directory);
  const resources = [...manifests.organizations, ...manifests.enablements];
  for (const { metadata } of resources) namespaces.add(metadata.namespace);
  // First, so that a resource under a new name finds its place free.
  const listed = new Set(resources.map(nameOf));
  const within = options.wholeDatabase ? null : [...namespaces];
  const removed = await removeVanished(pool, (resource) => listed.has(resource), within);
  for (const resource of removed) logger.info({ resource }, 'removed: it is no longer in the manifests');
  const report = { changed: [] as string[], removed, problems: [] as ResourceProblem[] };
  for (const manifest of resources) {
    const resource = nameOf(manifest);
    const apply = () =>
      manifest.kind === 'Organization'
        ? applyOrganization(pool, manifest, deliver, { webhookSecrets })
        : applyEnablement(pool, catalogue, manifest);
    const { changed, problem } = await attempt(resource, apply, logger);
    if (changed) report.changed.push(resource);
    if (problem) report.problems.push(problem);
  }
  return report;
}

async function attempt(
  resource: string,
  apply: () => Promise<ApplyResult>,
  logger: Logger,
): Promise<{ readonly changed: boolean; readonly problem?: ResourceProblem }> {
  try {
    const result = await apply();
    if ('changed' in result) {
      if (result.changed) logger.info({ resource }, 'applied');
      if (!result.incomplete) return result;
      const problem = { resource, reason: 'Waiting' as const, message: result.incomplete.join(' ') };
      logger.warn(problem, 'in effect only in part');
      return { changed: result.changed, problem };
    }
    const problem = { resource, ...explain(result) };
    logger.warn(problem, 'not in effect');
    return { changed: false, problem };
  } catch (error) {
    logger.error({ err: error, resource }, 'could not be applied');
    return { changed: false, problem: { resource, reason: 'Failed', message: (error as Error).message } };
  }
}

function explain(result: Exclude<ApplyResult, { changed: boolean }>): Omit<ResourceProblem, 'resource'> {
  if ('conflict' in result) return { reason: 'Conflict', message: result.conflict };
  if ('waiting' in result) return { reason: 'Waiting', message: result.waiting };
  return { reason: 'Invalid', message: result.invalid.join(' ') };
}

/**
 * Reconciles now, and again whenever a manifest changes. A broken manifest is logged and changes nothing; what failed
 * for another reason is tried again at every poll.
 */
export function watchDirectory(options: ReconcileOptions & { readonly pollMs?: number }): FileWatcher {
  const namespaces = new Set([DEFAULT_NAMESPACE]);
  return watchFiles({
    directory: options.directory,
    fingerprint: async () =>
      `${await fingerprint(options.directory)}\n${(await options.webhookSecrets?.fingerprint?.()) ?? ''}`,
    onChange: async () => {
      try {
        const { problems } = await reconcile(options, namespaces);
        return problems.every(({ reason }) => reason !== 'Failed');
      } catch (error) {
        if (error instanceof ManifestError) {
          options.logger.error(`The manifests cannot be used, and nothing was changed:\n${error.message}`);
          return true;
        }
        options.logger.error({ err: error }, 'manifests could not be reconciled; trying again');
        return false;
      }
    },
    ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
  });
}

async function fingerprint(directory: string): Promise<string> {
  try {
    return await fingerprintFiles(directory, await manifestFiles(directory));
  } catch (error) {
    return `unreadable: ${(error as Error).message}`;
  }
}
