import type { Fault, Folder, Session, Upload } from './wire.ts';

/** Tells the server that the page itself asks: without it the session's cookie is worth nothing. */
export const PAGE_HEADER = { 'X-Piing-Page': '1' } as const;
export const API = '/api/external';

/** An error in the server's words. */
export class ServerProblem extends Error {
  override readonly name = 'ServerProblem';
  readonly status: number;
  /** Where in the file it is, when the server refused a file for its content. */
  readonly fault: Fault | undefined;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(status: number, body: unknown, retryAfter: string | null) {
    const { detail, code, line, column, value } = (body ?? {}) as Partial<Fault> & { detail?: string };
    const message = detail ?? `The server answered with status ${status}. Try again later.`;
    super(message);
    this.status = status;
    this.retryAfterMs = (Number(retryAfter) || 0) * 1_000;
    if (status === 422 && code)
      this.fault = { code, message, line: line ?? null, column: column ?? null, value: value ?? null };
  }

  get sessionIsOver(): boolean {
    return this.status === 401;
  }
}

/** How long to wait, by what the server said, before it is asked again. */
export const patienceFor = (outcome: unknown): number =>
  outcome instanceof ServerProblem ? outcome.retryAfterMs : 0;

/** The server could not be reached at all. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';

  constructor(cause?: unknown) {
    super('The server cannot be reached. Check your connection and try again.', { cause });
  }
}

/** @throws {ServerProblem} @throws {Unreachable} */
async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: { ...PAGE_HEADER, ...init.headers } }).catch(
    (error) => {
      if (init.signal?.aborted) throw error;
      throw new Unreachable(error);
    },
  );
  if (!response.ok) {
    const problem = await response.json().catch(() => undefined);
    throw new ServerProblem(response.status, problem, response.headers.get('retry-after'));
  }
  return response;
}

async function read<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  const response = await request(path, signal ? { signal } : {});
  return response.json() as Promise<Answer>;
}

export async function currentSession(): Promise<Session | null> {
  return (await read<{ session: Session | null }>('/session')).session;
}

export async function signIn(clientId: string, clientSecret: string): Promise<Session> {
  const response = await request('/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: clientId, client_secret: clientSecret }),
  });
  return ((await response.json()) as { session: Session }).session;
}

export async function signOut(): Promise<void> {
  await request('/session', { method: 'DELETE' });
}

export async function listFolders(): Promise<readonly Folder[]> {
  return (await read<{ schemas: readonly Folder[] }>(`${API}/schemas`)).schemas;
}

export interface UploadPage {
  readonly uploads: readonly Upload[];
  readonly nextCursor: string | null;
}

export function listUploads(query: URLSearchParams, signal?: AbortSignal): Promise<UploadPage> {
  return read(`${API}/uploads?${query}`, signal);
}

export function findUpload(id: string, signal?: AbortSignal): Promise<Upload> {
  return read(`${API}/upload/${encodeURIComponent(id)}/status`, signal);
}

interface ErrorPage {
  readonly errors: readonly Fault[];
  readonly nextOffset: number | null;
}

export function listErrors(id: string, offset: number): Promise<ErrorPage> {
  return read(`${API}/upload/${encodeURIComponent(id)}/errors?offset=${offset}&limit=100`);
}

export const rejectsPath = (id: string) => `${API}/upload/${encodeURIComponent(id)}/rejects.csv`;
export const templatePath = (schemaType: string) =>
  `${API}/schemas/${encodeURIComponent(schemaType)}/template.csv`;

/** Saves an answer under a name. A link could not send the page's header, nor show what the server has against it. */
export async function download(path: string, name: string): Promise<void> {
  const response = await request(path);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  // The browser has to have begun with it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
