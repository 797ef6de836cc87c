import type { Readable } from 'node:stream';
import type { Intake } from '../intake/intake.ts';
import type { UploadFilter } from '../intake/upload-queries.ts';
import type { UploadRecord, UploadStatus } from '../intake/uploads.ts';
import type { Catalogue } from '../schemas/catalogue.ts';
import type { Fault } from '../schemas/faults.ts';
import type { OrganizationId, UploadId } from '../support/ids.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AccessDecision } from '../tenancy/access.ts';
import type { TenancyListener } from '../tenancy/changes.ts';
import type { PublicKey } from '../tenancy/signing-keys.ts';
import type { HttpLimits } from './limits.ts';
import type { Tokens } from './tokens.ts';

/** What the API asks of the rest of the gateway. Each of these rejects only when a store is out of reach. */
export interface ApiPorts {
  readonly intake: Intake;
  readonly authenticate: (attempt: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly remoteAddress: string;
  }) => Promise<AccessDecision>;
  readonly currentAccess: (client: {
    readonly clientId: string;
    readonly remoteAddress: string;
  }) => Promise<AccessDecision>;
  readonly findUpload: (id: UploadId, organizationId: OrganizationId) => Promise<UploadRecord | undefined>;
  readonly listUploads: (filter: UploadFilter) => Promise<UploadRecord[]>;
  readonly listErrors: (id: UploadId, offset: number, limit: number) => Promise<Fault[]>;
  readonly findByIdempotencyKey: (
    organizationId: OrganizationId,
    key: string,
  ) => Promise<UploadRecord | undefined>;
  /** The reject report that lies beside the raw object of this key. */
  readonly readReport: (objectKey: string) => Promise<Readable>;
  readonly tokens: Tokens;
  /** Keys that access tokens of now may be signed with. */
  readonly publicKeys: () => Promise<readonly PublicKey[]>;
  readonly uploadStatuses: (ids: readonly UploadId[]) => Promise<ReadonlyMap<UploadId, UploadStatus>>;
  /** Subscribes to changes of what organizations may do; returns what ends that. */
  readonly onTenancyChange: (listener: TenancyListener) => () => void;
}

export interface ApiOptions extends ApiPorts {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly catalogue: Catalogue;
  /** Largest file; an organization's own limit may be lower. The intake enforces both. */
  readonly maxFileBytes: number;
  readonly limits: HttpLimits;
  /** Origins whose scripts may use the API, such as `https://app.example`. Default: none. */
  readonly allowedOrigins?: readonly string[];
  /**
   * Addresses or CIDR ranges of the proxies that end TLS in front of the API. Only their `X-Forwarded-For` is
   * believed, for the organizations' source ranges and for logs. Default: none, the peer is the client.
   */
  readonly trustedProxies?: readonly string[];
  /** The built uploads page, served at `/`. Default: none. */
  readonly pageDirectory?: string;
}
