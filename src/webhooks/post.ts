import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, isIPv6, type LookupFunction } from 'node:net';
import { DeliveryError, type DeliveryFault } from './delivery-error.ts';
import type { Target } from './target.ts';

const MAX_HEADER_BYTES = 16 * 1024;
/** An answer's body says nothing that is used: so much of it is read that usual ones end without a broken connection. */
const MAX_BODY_BYTES = 1024;
const MAX_BODY_MS = 1_000;
/** One address of several is given up after this long, in milliseconds: many hosts have IPv6 on paper only. */
const ADDRESS_TIMEOUT_MS = 1_000;

export interface PostOptions {
  /** From the first packet to the end of the TLS handshake, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Certificates to trust; default: those of Node.js with NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
}

export interface PostAnswer {
  readonly status: number;
  /** Seconds from `Retry-After`, when it is a number. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * Sends one POST to a checked target. Connects to its addresses only, follows no redirect and uses no proxy: a proxy
 * would look the name up again.
 * @throws {DeliveryError} when there is no answer
 */
export function post(
  target: Target,
  message: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  options: PostOptions,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const request = openRequest(target, message.headers, options, signal);
  const connecting = limitConnecting(request, target, options.connectTimeoutMs);
  const answer = new Promise<PostAnswer>((resolve, reject) => {
    request.once('response', (response) => {
      finishReading(response);
      resolve({ status: response.statusCode ?? 0, retryAfterSeconds: retryAfter(response) });
    });
    request.once('error', (error) => reject(explain(error, target, connecting(), signal)));
    // The last event in every case: an answer that is none, such as 101, ends here without another word.
    request.once('close', () =>
      reject(new DeliveryError('CONNECTION_LOST', `${target.hostname} closed the connection.`)),
    );
  });
  request.end(message.body);
  return answer;
}

function openRequest(
  { url, hostname, port, addresses }: Target,
  headers: Readonly<Record<string, string>>,
  { ca }: PostOptions,
  signal: AbortSignal,
): ClientRequest {
  const options = {
    hostname,
    port,
    path: `${url.pathname}${url.search}`,
    method: 'POST',
    headers,
    // A connection of its own, which the environment gives no proxy and leaves nothing behind.
    agent: false as const,
    lookup: pinTo(addresses),
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal,
  };
  if (url.protocol === 'http:') return http.request(options);
  return https.request({
    ...options,
    // RFC 6066: no server name for addresses.
    servername: isIP(hostname) ? '' : hostname,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  });
}

/** A second question to the name server could have another answer. */
function pinTo(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_hostname, options, callback) => {
    if (options.all) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family ?? 4);
  };
}

/** Returns what tells whether the connection is still being made. */
function limitConnecting(request: ClientRequest, target: Target, timeoutMs: number): () => boolean {
  let connecting = true;
  const timer = setTimeout(() => {
    request.destroy(
      new DeliveryError('TIMEOUT', `${target.hostname} took no connection in ${timeoutMs} ms.`),
    );
  }, timeoutMs);
  const stop = () => clearTimeout(timer);
  request.once('close', stop);
  request.once('socket', (socket) => {
    socket.once(target.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      connecting = false;
      stop();
    });
  });
  return () => connecting;
}

function finishReading(response: IncomingMessage): void {
  let received = 0;
  const timer = setTimeout(() => response.destroy(), MAX_BODY_MS);
  response.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > MAX_BODY_BYTES) response.destroy();
  });
  // The answer has been taken: what happens to its body changes nothing.
  response.on('error', () => undefined);
  response.once('close', () => clearTimeout(timer));
}

function retryAfter({ headers }: IncomingMessage): number | undefined {
  const text = headers['retry-after'];
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function explain(
  error: Error,
  { hostname }: Target,
  connecting: boolean,
  signal: AbortSignal,
): DeliveryError {
  if (error instanceof DeliveryError) return error;
  if (signal.aborted) return new DeliveryError('TIMEOUT', `${hostname} did not answer in time.`, error);
  const { code = '' } = error as NodeJS.ErrnoException;
  const fault = faultOf(code, connecting);
  return new DeliveryError(fault, `${hostname}: ${code || error.message}`, error);
}

function faultOf(code: string, connecting: boolean): DeliveryFault {
  if (code.startsWith('HPE_')) return 'BAD_RESPONSE';
  if (!connecting) return 'CONNECTION_LOST';
  return /^(ECONN|EHOST|ENET|ETIMEDOUT|EADDR|EPIPE|EACCES|EINVAL)/.test(code)
    ? 'CONNECT_FAILED'
    : 'TLS_FAILED';
}
