import type { Intake } from '../intake/intake.ts';
import type { UploadStatus } from '../intake/uploads.ts';
import type { UploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AccessDecision } from '../tenancy/access.ts';
import type { TenancyChanges } from '../tenancy/changes.ts';
import type { HostKey } from './host-keys.ts';
import type { SftpLimits } from './limits.ts';
import type { AlgorithmProfile } from './ssh2/algorithms.ts';

/** What the gateway asks of the rest: narrow functions, so that it knows no SQL. */
export interface GatewayOptions {
  readonly host: string;
  readonly port: number;
  /** The first of each type is served; all are announced, so that clients learn the next before it is served. */
  readonly hostKeys: readonly HostKey[];
  readonly algorithms: AlgorithmProfile;
  readonly limits: SftpLimits;
  /** CIDR ranges of load balancers whose PROXY header is required and believed. */
  readonly proxyRanges: readonly string[];
  readonly authenticate: (attempt: {
    clientId: string;
    clientSecret: string;
    remoteAddress: string;
  }) => Promise<AccessDecision>;
  readonly currentAccess: (client: { clientId: string; remoteAddress: string }) => Promise<AccessDecision>;
  readonly changes: TenancyChanges;
  readonly intake: Intake;
  readonly statuses: (ids: readonly UploadId[]) => Promise<Map<UploadId, UploadStatus>>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}
