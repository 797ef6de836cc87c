import type { Intake } from '../intake/intake.ts';
import type { UploadStatus } from '../intake/uploads.ts';
import type { UploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AccessDecision } from '../tenancy/access.ts';
import type { TenancyChanges } from '../tenancy/changes.ts';
import type { HostKey } from './host-keys.ts';

/** What the gateway asks of the rest: narrow functions, so that it knows no SQL. */
export interface GatewayOptions {
  readonly host: string;
  readonly port: number;
  readonly hostKeys: readonly HostKey[];
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
