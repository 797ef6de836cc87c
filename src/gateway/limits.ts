import { z } from 'zod';

const count = (fallback: number, maximum = 1_000_000) =>
  z.coerce.number().int().min(1).max(maximum).default(fallback);
const MIB = 1024 * 1024;

/**
 * Everything that bounds what a client can make the gateway do: each a setting, with its default and the reason
 * for it. A limit that is met is logged and counted under the name that {@link LimitName} gives it.
 */
export const sftpLimitSettings = {
  PIING_SFTP_LOGIN_SECONDS: count(20, 600).describe(
    'From TCP connect to login. Clients take under a second; slow handshakes hold a place that others need.',
  ),
  PIING_SFTP_LOGIN_ATTEMPTS: count(6, 100).describe('Per connection, as OpenSSH has it (MaxAuthTries).'),
  PIING_SFTP_IDLE_SECONDS: count(900, 86_400).describe(
    'Without a request while no file is open. People leave clients open over a meeting, not over night.',
  ),
  PIING_SFTP_STALL_SECONDS: count(300, 86_400).describe(
    'Without a byte while a file is open. A till that goes to sleep in the middle comes back within minutes or never.',
  ),
  PIING_SFTP_UNREAD_SECONDS: count(60, 86_400).describe(
    'Without the client reading the replies that were sent to it. Every client reads them, if only to throw them away.',
  ),
  PIING_SFTP_UPLOAD_SECONDS: count(14_400, 604_800).describe(
    'From OPEN to CLOSE of one file: 100 MB take 3.6 hours at 64 kbit/s.',
  ),
  PIING_SFTP_MAX_CONNECTIONS: count(2_000).describe(
    'Per process. One idle connection costs under 100 KB, so that this many fit a pod of 512 MB.',
  ),
  PIING_SFTP_MAX_UNAUTHENTICATED: count(200).describe(
    'Per process, connections that have not logged in: a handshake is the most expensive thing a stranger can ask for.',
  ),
  PIING_SFTP_MAX_CONNECTIONS_PER_ADDRESS: count(200).describe(
    'Per process. A chain of shops often shares one address; no shop needs more than a few connections.',
  ),
  PIING_SFTP_MAX_UNAUTHENTICATED_PER_ADDRESS: count(50).describe(
    'Per process, of one address (IPv6: of one /64), so that a stranger who only connects cannot take every place. A login takes under a second.',
  ),
  PIING_SFTP_MAX_SESSIONS_PER_ORGANIZATION: count(100).describe(
    'Logged-in connections of one organization per process, so that none can take every place.',
  ),
  PIING_SFTP_MAX_CHANNELS: count(8, 1_000).describe('Per connection. Common clients open one.'),
  PIING_SFTP_MAX_OPEN_FILES: count(16, 1_000).describe(
    'Per channel. Clients that send in parallel open more connections.',
  ),
  PIING_SFTP_MAX_STAGED_FILES: count(100, 10_000).describe(
    'Per channel, files under a temporary name that wait for their rename. Clients rename each before the next.',
  ),
  PIING_SFTP_MAX_NAME_BYTES: count(255, 255).describe(
    'Of UTF-8. File systems that people copy the files to have no longer names.',
  ),
  PIING_SFTP_MAX_HANDLES: count(64, 10_000).describe(
    'Files and folder listings open at a time, per channel.',
  ),
  PIING_SFTP_MAX_QUEUED_REQUESTS: count(1_024, 100_000).describe(
    'Per channel. Above it the connection is not read: OpenSSH sends 64 before it waits, AsyncSSH 128.',
  ),
  PIING_SFTP_MAX_REMEMBERED_FILES: count(1_000, 100_000).describe(
    'Received files that a client still sees while it is connected; older ones are found by the API.',
  ),
  PIING_SFTP_CONNECTION_BUFFER_BYTES: count(1 * MIB, 1024 * MIB).describe(
    'Received and waiting, per connection. Above it the connection is not read.',
  ),
  PIING_SFTP_AHEAD_BYTES: count(8 * MIB, 1024 * MIB).describe(
    'Sent ahead of a missing piece, per connection. AsyncSSH has 2 MiB in flight, rclone 2 MiB.',
  ),
  PIING_SFTP_BUFFER_BYTES: count(128 * MIB, 64 * 1024 * MIB).describe(
    'Received and waiting, per process. Above it connections are read only as far as they are drained.',
  ),
} as const;

const limitsSchema = z.object(sftpLimitSettings);

export interface SftpLimits {
  readonly loginMs: number;
  readonly loginAttempts: number;
  readonly idleMs: number;
  readonly stallMs: number;
  readonly unreadMs: number;
  readonly uploadMs: number;
  readonly connections: number;
  readonly unauthenticated: number;
  readonly connectionsPerAddress: number;
  readonly unauthenticatedPerAddress: number;
  readonly sessionsPerOrganization: number;
  readonly channels: number;
  readonly openFiles: number;
  readonly stagedFiles: number;
  readonly nameBytes: number;
  readonly handles: number;
  readonly queuedRequests: number;
  readonly rememberedFiles: number;
  readonly connectionBufferBytes: number;
  readonly aheadBytes: number;
  readonly bufferBytes: number;
}

/** What a limit is called in logs and in the label `limit` of `piing_sftp_limits_total`. */
export type LimitName = (typeof LIMIT_NAMES)[number];

export const LIMIT_NAMES = [
  'login-time',
  'login-attempts',
  'idle',
  'stalled',
  'unread-replies',
  'upload-time',
  'connections',
  'unauthenticated',
  'connections-per-address',
  'unauthenticated-per-address',
  'sessions-per-organization',
  'channels',
  'open-files',
  'handles',
  'ahead-bytes',
  'staged-files',
  'name-length',
  'rekeys',
] as const;

export function sftpLimits(settings: z.infer<typeof limitsSchema>): SftpLimits {
  return {
    loginMs: settings.PIING_SFTP_LOGIN_SECONDS * 1_000,
    loginAttempts: settings.PIING_SFTP_LOGIN_ATTEMPTS,
    idleMs: settings.PIING_SFTP_IDLE_SECONDS * 1_000,
    stallMs: settings.PIING_SFTP_STALL_SECONDS * 1_000,
    unreadMs: settings.PIING_SFTP_UNREAD_SECONDS * 1_000,
    uploadMs: settings.PIING_SFTP_UPLOAD_SECONDS * 1_000,
    connections: settings.PIING_SFTP_MAX_CONNECTIONS,
    unauthenticated: settings.PIING_SFTP_MAX_UNAUTHENTICATED,
    connectionsPerAddress: settings.PIING_SFTP_MAX_CONNECTIONS_PER_ADDRESS,
    unauthenticatedPerAddress: settings.PIING_SFTP_MAX_UNAUTHENTICATED_PER_ADDRESS,
    sessionsPerOrganization: settings.PIING_SFTP_MAX_SESSIONS_PER_ORGANIZATION,
    channels: settings.PIING_SFTP_MAX_CHANNELS,
    openFiles: settings.PIING_SFTP_MAX_OPEN_FILES,
    stagedFiles: settings.PIING_SFTP_MAX_STAGED_FILES,
    nameBytes: settings.PIING_SFTP_MAX_NAME_BYTES,
    handles: settings.PIING_SFTP_MAX_HANDLES,
    queuedRequests: settings.PIING_SFTP_MAX_QUEUED_REQUESTS,
    rememberedFiles: settings.PIING_SFTP_MAX_REMEMBERED_FILES,
    connectionBufferBytes: settings.PIING_SFTP_CONNECTION_BUFFER_BYTES,
    aheadBytes: settings.PIING_SFTP_AHEAD_BYTES,
    bufferBytes: settings.PIING_SFTP_BUFFER_BYTES,
  };
}

/** For tests: the defaults, with some changed. */
export function defaultSftpLimits(changed: Partial<SftpLimits> = {}): SftpLimits {
  return { ...sftpLimits(limitsSchema.parse({})), ...changed };
}
