import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Gives what a GET answers an ETag, and answers 304 to a client that has it already (RFC 9110, section 13.1.2). A
 * stream has one only when its route set it. May be kept by the client alone, and asked for again each time.
 */
export function answerConditionally(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if ((request.method !== 'GET' && request.method !== 'HEAD') || reply.statusCode !== 200) return payload;
    const etag = etagOf(reply, payload);
    if (etag === undefined) return payload;
    reply.header('etag', etag);
    if (reply.getHeader('cache-control') === 'no-store') reply.header('cache-control', 'private, no-cache');
    if (!isKnown(request, etag)) return payload;
    if (isStream(payload)) payload.destroy();
    reply.code(304).removeHeader('content-length').removeHeader('content-type');
    return '';
  });
}

function etagOf(reply: FastifyReply, payload: unknown): string | undefined {
  const own = reply.getHeader('etag');
  if (typeof own === 'string') return own;
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return undefined;
  return `"${createHash('sha256').update(payload).digest('base64url').slice(0, 27)}"`;
}

/** Compared weakly, as the RFC has it for If-None-Match: proxies that compress make a strong tag weak. */
function isKnown(request: FastifyRequest, etag: string): boolean {
  const condition = request.headers['if-none-match'];
  if (condition === undefined) return false;
  const tags = condition.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}

function isStream(payload: unknown): payload is { destroy(): void } {
  return typeof (payload as { destroy?: unknown } | null)?.destroy === 'function';
}
