import { httpLimits } from '../api/limits.ts';
import { type ApiServer, startApi } from '../api/server.ts';
import { createTokens } from '../api/tokens.ts';
import { type Gateway, startGateway } from '../gateway/gateway.ts';
import type { HostKey } from '../gateway/host-keys.ts';
import { sftpLimits } from '../gateway/limits.ts';
import { findByIdempotencyKey } from '../intake/idempotency.ts';
import { registerInstance } from '../intake/instance.ts';
import { createIntake, type Intake } from '../intake/intake.ts';
import { findUpload, listErrors, listUploads, uploadStatuses } from '../intake/upload-queries.ts';
import { createUploadRecords } from '../intake/upload-records.ts';
import { readFirstRecord } from '../pipeline/read/read-file.ts';
import { rejectReportKey } from '../storage/raw-store.ts';
import { authenticate, currentAccess } from '../tenancy/access.ts';
import { watchTenancy } from '../tenancy/changes.ts';
import { throttleLogins } from '../tenancy/login-throttle.ts';
import { loadSigningKeys } from '../tenancy/signing-keys.ts';
import type { World } from './world.ts';

/** The intake of one process, with what keeps it alive. Gateway and API of a standalone process share one. */
export interface OpenIntake {
  readonly intake: Intake;
  close(): Promise<void>;
}

export async function openIntake(world: World, role: string): Promise<OpenIntake> {
  const { control, logger, settings, catalogue, store, metrics, traces } = world;
  const instance = await registerInstance(control, role, logger);
  const intake = createIntake({
    catalogue,
    store,
    records: createUploadRecords(control, instance.id),
    preflight: readFirstRecord,
    maxFileBytes: settings.PIING_MAX_FILE_BYTES,
    logger,
    metrics,
    traces,
  });
  return {
    intake,
    close: instance.close,
  };
}

export interface Door<Server> {
  readonly server: Server;
  /** Lets what is being received finish for up to `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export async function openSftpDoor(
  world: World,
  intake: Intake,
  host: string,
  hostKeys: readonly HostKey[],
): Promise<Door<Gateway>> {
  const { control, logger, metrics, settings } = world;
  const changes = watchTenancy({ url: world.databaseUrl, logger });
  try {
    const server = await startGateway({
      host,
      port: settings.PIING_SFTP_PORT,
      hostKeys,
      algorithms: settings.PIING_SFTP_ALGORITHMS,
      limits: sftpLimits(settings),
      proxyRanges: settings.PIING_SFTP_PROXY_RANGES ?? [],
      authenticate: throttleLogins(control, (attempt) => authenticate(control, attempt)),
      currentAccess: (client) => currentAccess(control, client),
      changes,
      intake,
      statuses: (ids) => uploadStatuses(control, ids),
      logger,
      metrics,
    });
    const close = async (graceMs: number) => {
      await server.close(graceMs);
      await changes.close();
    };
    return { server, close };
  } catch (error) {
    await changes.close();
    throw error;
  }
}

export async function openHttpDoor(world: World, intake: Intake, host: string): Promise<Door<ApiServer>> {
  const { control, logger, metrics, settings, store, catalogue } = world;
  const keys = await loadSigningKeys(control);
  const changes = watchTenancy({ url: world.databaseUrl, logger });
  const server = await startApi({
    host,
    port: settings.PIING_HTTP_PORT,
    logger,
    metrics,
    maxFileBytes: settings.PIING_MAX_FILE_BYTES,
    trustedProxies: settings.PIING_TRUSTED_PROXIES ?? [],
    limits: httpLimits(settings),
    allowedOrigins: settings.PIING_HTTP_ALLOWED_ORIGINS ?? [],
    pageDirectory: settings.PIING_PAGE_DIR,
    catalogue,
    intake,
    authenticate: throttleLogins(control, (attempt) => authenticate(control, attempt)),
    currentAccess: (client) => currentAccess(control, client),
    findUpload: (id, organizationId) => findUpload(control, id, organizationId),
    listUploads: (filter) => listUploads(control, filter),
    listErrors: (id, offset, limit) => listErrors(control, id, offset, limit),
    findByIdempotencyKey: (organizationId, key) => findByIdempotencyKey(control, organizationId, key),
    readReport: (objectKey) => store.read(rejectReportKey(objectKey)),
    tokens: createTokens(keys),
    publicKeys: () => keys.publicKeys(),
    uploadStatuses: (ids) => uploadStatuses(control, ids),
    onTenancyChange: (listener) => changes.subscribe(listener),
  }).catch(async (error: unknown) => {
    await changes.close();
    throw error;
  });
  const close = async (graceMs: number) => {
    await server.close(graceMs);
    await changes.close();
  };
  return { server, close };
}
