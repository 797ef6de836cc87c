import { API, PAGE_HEADER, ServerProblem, Unreachable } from './server.ts';
import type { Upload } from './wire.ts';

export interface Sending {
  /** The upload, once the server has acknowledged the file. */
  readonly done: Promise<Upload>;
  cancel(): void;
}

/** Thrown by `done` when the person changed their mind. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

/** Sends one file. XMLHttpRequest, because fetch does not tell how much of a body has been sent. */
export function send(
  file: File,
  schemaType: string,
  idempotencyKey: string,
  onProgress: (fraction: number) => void,
): Sending {
  const form = new FormData();
  form.append('schemaType', schemaType);
  form.append('file', file, file.name);
  const request = new XMLHttpRequest();
  const done = new Promise<Upload>((resolve, reject) => {
    request.upload.addEventListener('progress', ({ loaded, total }) =>
      onProgress(total ? loaded / total : 0),
    );
    request.addEventListener('load', () => {
      if (request.status === 202) resolve(request.response as Upload);
      else
        reject(new ServerProblem(request.status, request.response, request.getResponseHeader('retry-after')));
    });
    request.addEventListener('error', () => reject(new Unreachable()));
    request.addEventListener('abort', () => reject(new Cancelled()));
  });
  request.open('POST', `${API}/upload`);
  request.responseType = 'json';
  for (const [name, value] of Object.entries(PAGE_HEADER)) request.setRequestHeader(name, value);
  request.setRequestHeader('Idempotency-Key', idempotencyKey);
  request.send(form);
  return { done, cancel: () => request.abort() };
}

/** 128 random bits. `crypto.randomUUID` is there on HTTPS only. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const MAX_NAME = 255;

/** What is wrong with a file that is not worth sending, or undefined. */
export function objection(file: File): string | undefined {
  if (!/\.(csv|json)$/i.test(file.name))
    return 'Only files that end in .csv or .json can be loaded. In a spreadsheet, choose “Save as” and then CSV UTF-8.';
  if (file.size === 0) return 'The file is empty. Export it again.';
  if (new TextEncoder().encode(file.name).length > MAX_NAME) return 'The file name is too long. Shorten it.';
  return undefined;
}
