import { readFile } from 'node:fs/promises';
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly body: string;
}

export type Respond = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A receiver on 127.0.0.1 that keeps what it is sent and answers as the test says. */
export interface Receiver {
  readonly port: number;
  readonly url: string;
  readonly received: Received[];
  respond: Respond;
  close(): Promise<void>;
}

export const answer =
  (status: number, headers: Record<string, string> = {}): Respond =>
  (_request, response) => {
    response.writeHead(status, headers).end();
  };

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate that signs itself, for a name. */
export async function selfSigned(name: string): Promise<Certificate> {
  const directory = await temporaryDirectory('certificate');
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const { code, stderr } = await run('openssl', [
    ...['req', '-x509', '-days', '2', '-keyout', key, '-out', cert],
    ...curve,
    ...subject,
  ]);
  if (code !== 0) throw new Error(`openssl: ${stderr}`);
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
}

export async function startReceiver(
  options: { readonly respond?: Respond; readonly certificate?: Certificate; readonly port?: number } = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, path: request.url ?? '', body });
    receiver.respond(request, response, received.length);
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch(() => response.destroy());
  };
  const server = options.certificate
    ? https.createServer(options.certificate, listener)
    : http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const receiver: Receiver = {
    port: address.port,
    url: `${options.certificate ? 'https' : 'http'}://127.0.0.1:${address.port}/hook?from=piing`,
    received,
    respond: options.respond ?? answer(204),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
