import { z } from 'zod';

const count = (fallback: number, maximum = 1_000_000) =>
  z.coerce.number().int().min(1).max(maximum).default(fallback);

/** What bounds a client of the API, each with its default and the reason for it. */
export const httpLimitSettings = {
  PIING_HTTP_REQUESTS_PER_MINUTE: count(3_000).describe(
    'Of one credential, per process. A script that sends its backlog file by file stays below.',
  ),
  PIING_HTTP_REQUESTS_PER_MINUTE_AND_ADDRESS: count(12_000).describe(
    'From one address (IPv6: one /64), per process, before any login. Many shops may share a proxy.',
  ),
  PIING_HTTP_MAX_CONNECTIONS: count(2_000).describe(
    'Per process. An idle one costs less than 100 KB, and is closed after 65 s.',
  ),
  PIING_HTTP_MAX_UNAUTHENTICATED_PER_ADDRESS: count(500).describe(
    'Connections of one address (IPv6: of one /64) that have not carried an authenticated request, per process, so that a stranger who only connects cannot take every place. Those of PIING_TRUSTED_PROXIES are not counted: all clients come from there.',
  ),
  PIING_HTTP_MAX_UPLOADS: count(64, 10_000).describe(
    'Uploads at a time per process. What they hold in memory is bounded by PIING_S3_BUFFER_BYTES.',
  ),
  PIING_HTTP_MAX_UPLOADS_PER_ORGANIZATION: count(16, 10_000).describe(
    'Uploads of one organization at a time per process, so that none can take every place.',
  ),
  PIING_HTTP_MAX_WAITERS: count(1_000, 100_000).describe(
    'Requests with ?wait= and event streams open at a time per process.',
  ),
  PIING_HTTP_MAX_WAITERS_PER_ORGANIZATION: count(50, 100_000).describe(
    'Requests with ?wait= and event streams of one organization open at a time per process.',
  ),
  PIING_HTTP_EVENTS_SECONDS: count(600, 86_400).describe(
    'For one event stream; its client comes back by itself and goes on where it was.',
  ),
  PIING_HTTP_HEARTBEAT_SECONDS: count(15, 3_600).describe(
    'Between signs of life of an event stream: shorter than the 60 s after which proxies take it for dead.',
  ),
  PIING_HTTP_REQUEST_SECONDS: count(1_800, 86_400).describe(
    'For one request to arrive: 100 MB take half an hour at 470 kbit/s.',
  ),
  PIING_HTTP_SMALL_BODY_SECONDS: count(20, 3_600).describe(
    'For a body that is no file, such as that of a login, to arrive: as long as for the headers before it.',
  ),
  PIING_HTTP_STALL_SECONDS: count(60, 3_600).describe(
    'That a request body may lag behind PIING_HTTP_MIN_BYTES_PER_SECOND before it is ended.',
  ),
  PIING_HTTP_MIN_BYTES_PER_SECOND: count(1_024).describe(
    'Slowest body that is waited for. Slower ones hold a place that others need.',
  ),
} as const;

const limitsSchema = z.object(httpLimitSettings);

export interface HttpLimits {
  readonly requestsPerMinute: number;
  readonly requestsPerMinuteAndAddress: number;
  readonly connections: number;
  readonly unauthenticatedPerAddress: number;
  readonly uploads: number;
  readonly uploadsPerOrganization: number;
  readonly waiters: number;
  readonly waitersPerOrganization: number;
  readonly eventsMs: number;
  readonly heartbeatMs: number;
  readonly requestMs: number;
  readonly smallBodyMs: number;
  readonly stallMs: number;
  readonly minBytesPerSecond: number;
}

/** What a limit is called in logs and in the label `limit` of `piing_http_limits_total`. */
export type HttpLimitName = (typeof HTTP_LIMIT_NAMES)[number];

export const HTTP_LIMIT_NAMES = [
  'requests',
  'requests-per-address',
  'connections',
  'unauthenticated-per-address',
  'uploads',
  'uploads-per-organization',
  'waiters',
  'waiters-per-organization',
  'body-time',
  'body-pace',
] as const;

export function httpLimits(settings: z.infer<typeof limitsSchema>): HttpLimits {
  return {
    requestsPerMinute: settings.PIING_HTTP_REQUESTS_PER_MINUTE,
    requestsPerMinuteAndAddress: settings.PIING_HTTP_REQUESTS_PER_MINUTE_AND_ADDRESS,
    connections: settings.PIING_HTTP_MAX_CONNECTIONS,
    unauthenticatedPerAddress: settings.PIING_HTTP_MAX_UNAUTHENTICATED_PER_ADDRESS,
    uploads: settings.PIING_HTTP_MAX_UPLOADS,
    uploadsPerOrganization: settings.PIING_HTTP_MAX_UPLOADS_PER_ORGANIZATION,
    waiters: settings.PIING_HTTP_MAX_WAITERS,
    waitersPerOrganization: settings.PIING_HTTP_MAX_WAITERS_PER_ORGANIZATION,
    eventsMs: settings.PIING_HTTP_EVENTS_SECONDS * 1_000,
    heartbeatMs: settings.PIING_HTTP_HEARTBEAT_SECONDS * 1_000,
    requestMs: settings.PIING_HTTP_REQUEST_SECONDS * 1_000,
    smallBodyMs: settings.PIING_HTTP_SMALL_BODY_SECONDS * 1_000,
    stallMs: settings.PIING_HTTP_STALL_SECONDS * 1_000,
    minBytesPerSecond: settings.PIING_HTTP_MIN_BYTES_PER_SECOND,
  };
}

/** For tests: the defaults, with some changed. */
export function defaultHttpLimits(changed: Partial<HttpLimits> = {}): HttpLimits {
  return { ...httpLimits(limitsSchema.parse({})), ...changed };
}
