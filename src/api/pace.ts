import type { IncomingMessage } from 'node:http';

/** How often the arrival of a body is looked at, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

export interface PaceRules {
  /** Milliseconds by which a body may lag behind the slowest pace. */
  readonly stallMs: number;
  readonly minBytesPerSecond: number;
}

/**
 * Aborts when a client sends its body too slowly: it has lagged `stallMs` behind the slowest pace, in all. Time in
 * which this side did not read, because storage is slower than the client, is not held against it.
 * Stops by itself when the body is complete or the connection is gone.
 */
export function watchPace(request: IncomingMessage, { stallMs, minBytesPerSecond }: PaceRules): AbortSignal {
  const tooSlow = new AbortController();
  const { socket } = request;
  let seen = socket.bytesRead;
  let lagMs = 0;
  const lookEveryMs = Math.min(LOOK_EVERY_MS, stallMs / 4);
  const look = () => {
    const arrived = socket.bytesRead - seen;
    seen = socket.bytesRead;
    const waiting = !request.isPaused() && request.readableLength === 0;
    if (waiting) lagMs += lookEveryMs;
    lagMs = Math.max(0, lagMs - (arrived / minBytesPerSecond) * 1_000);
    if (lagMs < stallMs) return;
    stop();
    tooSlow.abort();
  };
  const timer = setInterval(look, lookEveryMs);
  const stop = () => clearInterval(timer);
  request.once('end', stop).once('close', stop);
  return tooSlow.signal;
}
