import { type Definer, SHORT_BUCKETS } from './define.ts';

export type SftpMetrics = ReturnType<typeof sftpMetrics>;
export type HttpMetrics = ReturnType<typeof httpMetrics>;

/** Every request of version 3 of the protocol, as far as it is told apart. */
const REQUESTS = [
  'init',
  'open',
  'write',
  'close',
  'rename',
  'remove',
  'opendir',
  'readdir',
  'stat',
  'fstat',
  'setstat',
  'fsetstat',
  'realpath',
  'read',
  'mkdir',
  'rmdir',
  'readlink',
  'symlink',
  'extended',
  'unknown',
];

export function sftpMetrics({ counter, gauge, histogram }: Definer) {
  return {
    sftpConnections: counter(
      'piing_sftp_connections_total',
      'TCP connections that ended, by how far they came; silent: without a byte, as health checks are',
      { outcome: ['logged_in', 'not_logged_in', 'turned_away', 'silent'] },
    ),
    sftpSessions: gauge('piing_sftp_sessions', 'Open SSH connections, logged in or not'),
    sftpRequests: counter('piing_sftp_requests_total', 'SFTP requests that were answered, by type', {
      type: REQUESTS,
    }),
    sftpRequestSeconds: histogram(
      'piing_sftp_request_duration_seconds',
      'Time from taking up a request to its answer, for those that may wait for a store',
      SHORT_BUCKETS,
      { type: ['open', 'write', 'close', 'rename'] },
    ),
    sftpLimits: counter('piing_sftp_limits_total', 'Limits that a client met, by limit', { limit: [] }),
    sftpRefusals: counter('piing_sftp_refusals_total', 'SFTP requests answered with an error, by code', {
      code: [],
    }),
    sftpProbes: counter(
      'piing_sftp_probes_total',
      'TCP connections closed without a byte, as health checks do',
    ),
    sftpBufferedBytes: gauge('piing_sftp_buffered_bytes', 'Bytes received and waiting to be handled'),
  };
}

export function httpMetrics({ counter, gauge, histogram }: Definer) {
  return {
    httpConnections: gauge('piing_http_connections', 'Open connections of the API, idle ones included'),
    httpRequestsInProgress: gauge('piing_http_requests_in_progress', 'HTTP requests being answered now'),
    httpRequestSeconds: histogram(
      'piing_http_request_duration_seconds',
      'Time from the head of a request to the end of its answer; the route is its pattern, the status its class',
      SHORT_BUCKETS,
      { method: [], route: [], status: [] },
    ),
    httpLimits: counter('piing_http_limits_total', 'Limits that a client of the API met, by limit', {
      limit: [],
    }),
  };
}
