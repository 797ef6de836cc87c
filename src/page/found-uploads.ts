import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { delay } from './polling.ts';
import { findUpload, listUploads, patienceFor, ServerProblem, type UploadPage } from './server.ts';
import type { Search } from './upload-search.tsx';
import type { Upload } from './wire.ts';
import { isOver } from './words.ts';

const PAGE_SIZE = 25;
/** Most that the API gives at a time. */
const MAX_PAGE_SIZE = 100;
/** How often the list is looked at: while something is under way, and otherwise, for what comes by SFTP. */
const BUSY_MS = 2_000;
const CALM_MS = 5_000;
/** What takes the server long is asked less often: waiting takes so many times as long as the answer took. */
const CONSIDERATION = 20;
/** People type faster than this, in milliseconds between letters. */
const TYPING_MS = 250;

const UPLOAD_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface FoundUploads {
  /** Undefined until the first answer. */
  readonly uploads: readonly Upload[] | undefined;
  readonly hasMore: boolean;
  readonly error: Error | undefined;
  more(): Promise<void>;
}

/** The uploads that are looked for, kept up to date. `news` changes when the page itself has sent something. */
export function useFoundUploads(search: Search, news: number, onSessionOver: () => void): FoundUploads {
  const [page, setPage] = useState<UploadPage>();
  const [error, setError] = useState<Error>();
  const shown = useRef<UploadPage | undefined>(undefined);
  shown.current = page;

  const fail = useCallback(
    (failure: Error) => {
      if (failure instanceof ServerProblem && failure.sessionIsOver) onSessionOver();
      else setError(failure);
    },
    [onSessionOver],
  );
  useEffect(() => {
    const leaving = new AbortController();
    void keepUpToDate(search, shown, leaving.signal, (outcome) => {
      if (outcome instanceof Error) return fail(outcome);
      setError(undefined);
      setPage(outcome);
    });
    return () => leaving.abort();
  }, [search, news, fail]);

  const more = useCallback(async () => {
    const cursor = page?.nextCursor;
    if (!page || !cursor) return;
    try {
      const next = await listUploads(queryOf(search, PAGE_SIZE, cursor));
      setPage({ uploads: [...page.uploads, ...next.uploads], nextCursor: next.nextCursor });
    } catch (failure) {
      fail(failure as Error);
    }
  }, [page, search, fail]);
  return { uploads: page?.uploads, hasMore: page?.nextCursor != null, error, more };
}

async function keepUpToDate(
  search: Search,
  shown: { readonly current: UploadPage | undefined },
  leaving: AbortSignal,
  tell: (outcome: UploadPage | Error) => void,
): Promise<void> {
  await delay(search.text === '' ? 0 : TYPING_MS, leaving);
  for (let before: UploadPage | undefined; !leaving.aborted; before = shown.current) {
    let pause = CALM_MS;
    if (!before || document.visibilityState === 'visible') {
      const asked = performance.now();
      const outcome = await look(search, before, leaving).catch((error: Error) => error);
      if (leaving.aborted) return;
      tell(outcome);
      if (!(outcome instanceof Error || outcome.uploads.every(isOver))) pause = BUSY_MS;
      pause = Math.max(pause, (performance.now() - asked) * CONSIDERATION, patienceFor(outcome));
    }
    await delay(pause, leaving);
  }
}

/** Reads again what is shown, in one request; older pages beyond it stay as they are. */
async function look(
  search: Search,
  before: UploadPage | undefined,
  leaving: AbortSignal,
): Promise<UploadPage> {
  const text = search.text.trim();
  if (UPLOAD_ID.test(text)) return lookUp(text, leaving);
  const size = Math.min(Math.max(before?.uploads.length ?? 0, PAGE_SIZE), MAX_PAGE_SIZE);
  const fresh = await listUploads(queryOf(search, size), leaving);
  const last = fresh.uploads.at(-1);
  const older = before?.uploads.filter(({ uploadId }) => last && uploadId < last.uploadId) ?? [];
  if (!before || older.length === 0) return fresh;
  return { uploads: [...fresh.uploads, ...older], nextCursor: before.nextCursor };
}

async function lookUp(id: string, leaving: AbortSignal): Promise<UploadPage> {
  const upload = await findUpload(id, leaving).catch((error) => {
    if (error instanceof ServerProblem && error.status === 404) return undefined;
    throw error;
  });
  return { uploads: upload ? [upload] : [], nextCursor: null };
}

function queryOf(search: Search, limit: number, cursor?: string): URLSearchParams {
  const { text, status, source, schemaType, from, to } = search;
  const given = {
    fileName: text.trim() && `*${text.trim()}*`,
    status,
    source,
    schemaType,
    since: from && startOfDay(from, 0),
    until: to && startOfDay(to, 1),
    cursor,
    limit: String(limit),
  };
  return new URLSearchParams(Object.entries(given).filter((entry): entry is [string, string] => !!entry[1]));
}

/** Midnight of the reader's own time zone, so many days later. */
function startOfDay(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
