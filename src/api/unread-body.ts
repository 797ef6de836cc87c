import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** What is read and dropped of a body after its request was answered, in bytes and in milliseconds. */
const DRAIN_BYTES = 1024 * 1024;
const DRAIN_MS = 5_000;

/**
 * Looks after bodies that are not read to their end. A client that sent `Expect: 100-continue`, as curl does
 * for large files, is only told to send once it has been admitted. One that is still sending when its answer goes
 * out gets a chance to see the answer: closing at once would reset the connection under it (RFC 9112, section 9.6).
 */
export function handleUnreadBodies(app: FastifyInstance): void {
  const { server } = app;
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  app.addHook('preParsing', async (request, reply, payload) => {
    if (request.headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue();
    return payload;
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (!request.raw.complete && !request.raw.destroyed) {
      // Fastify asks for the connection to be closed at once after a body that is too large.
      reply.removeHeader('connection');
      drainUnread(request.raw, reply.raw);
    }
    return payload;
  });
}

function drainUnread(request: IncomingMessage, response: ServerResponse): void {
  let left = DRAIN_BYTES;
  const giveUp = () => {
    request.pause();
    const close = () => request.socket.destroySoon();
    if (response.writableFinished) close();
    else response.once('finish', close);
  };
  const timer = setTimeout(giveUp, DRAIN_MS);
  const done = () => clearTimeout(timer);
  request.once('end', done).once('close', done);
  // Whatever has parsed the body until now has lost interest in it.
  request.unpipe();
  request.on('data', (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) giveUp();
  });
  request.resume();
}
