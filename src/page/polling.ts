import { useEffect, useState } from 'preact/hooks';
import { findUpload, patienceFor, ServerProblem } from './server.ts';
import type { Upload } from './wire.ts';
import { isOver } from './words.ts';

const FIRST_LOOK_MS = 250;
const LAST_LOOK_MS = 3_000;

/** An upload as it is now, looked at until it is over: at first often, later less and less so. */
export function useFollowed(first: Upload | undefined, onSessionOver: () => void): Upload | undefined {
  const [latest, setLatest] = useState<Upload>();
  const id = first?.uploadId;
  useEffect(() => {
    if (!first || isOver(first)) return;
    const leaving = new AbortController();
    void follow(first.uploadId, leaving.signal, setLatest).catch((error) => {
      if (error instanceof ServerProblem && error.sessionIsOver) onSessionOver();
    });
    return () => leaving.abort();
  }, [id]);
  return latest?.uploadId === id ? latest : first;
}

async function follow(id: string, leaving: AbortSignal, show: (upload: Upload) => void): Promise<void> {
  for (let pause = FIRST_LOOK_MS; !leaving.aborted; pause = Math.min(pause * 1.5, LAST_LOOK_MS)) {
    await delay(pause, leaving);
    const upload = await findUpload(id, leaving).catch(unlessSessionIsOver);
    if (leaving.aborted) return;
    if (upload instanceof Error) {
      await delay(patienceFor(upload), leaving);
      continue;
    }
    show(upload);
    if (isOver(upload)) return;
  }
}

/** The network may come back, and the server may have time again. */
function unlessSessionIsOver(error: Error): Error {
  if (error instanceof ServerProblem && error.status < 429) throw error;
  return error;
}

/** Ends early, without an error, when nobody waits any more. */
export function delay(milliseconds: number, leaving: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    leaving.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
