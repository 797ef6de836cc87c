import type { Readable } from 'node:stream';
import { type OrganizationId, parseUploadId, type UploadId } from '../support/ids.ts';

/**
 * Most bytes that a writer holds in memory, whatever the client sends: one part being filled and one part
 * on its way. Both stores keep to it; a test asserts it. What all writers of S3 hold together: `part-memory.ts`.
 */
export const PART_BYTES = 8 * 1024 * 1024;
export const MAX_BUFFERED_BYTES = 2 * PART_BYTES;

/** What S3 takes in one request. */
export const MAX_REMOVED_KEYS = 1_000;

/** Receives one object. Calls must not overlap: await each before the next. */
export interface RawObjectWriter {
  /** Bytes taken but not yet handed to the store. */
  readonly bufferedBytes: number;
  /**
   * Takes the next bytes, in one piece or several; they are the caller's again when it resolves, which is when
   * there is room for more: that is how a slow store slows the client.
   * @throws {StoreUnavailableError}
   */
  write(...chunks: readonly Uint8Array[]): Promise<void>;
  /** Resolves when the whole object is durable and readable. @throws {StoreUnavailableError} */
  complete(): Promise<void>;
  /**
   * Removes what was written; with `keep`, not an object of this key that is complete: somebody else may have written
   * it. False when something may be left, because the store did not answer, or failed before: what it was sent then
   * may still arrive. Never rejects.
   */
  abort(complete?: 'keep'): Promise<boolean>;
}

/** What the store knows of an object by itself. */
export interface StoredObject {
  readonly key: string;
  /** When it was complete, by the store's clock. */
  readonly modifiedAt: Date;
  readonly sizeBytes: number;
}

/** Where received files are kept, unchanged. An object is there whole or not at all. */
export interface RawStore {
  /** For logs and start-up messages: `s3://bucket/prefix` or a path. */
  readonly location: string;
  create(key: string): RawObjectWriter;
  /** @throws {ObjectNotFoundError} @throws {StoreUnavailableError} also from the stream itself */
  read(key: string): Promise<Readable>;
  /** Removes the object and whatever an unfinished writer left of it. Absent is fine. */
  discard(key: string): Promise<void>;
  /** Removes up to {@link MAX_REMOVED_KEYS} complete objects. Absent is fine. @throws {StoreUnavailableError} */
  remove(keys: readonly string[]): Promise<void>;
  /**
   * Removes everything below a prefix that ends in a slash, also what unfinished writers left, page by page; yields
   * how much each page was. @throws {StoreUnavailableError} Running it again goes on where it stopped.
   */
  removeBelow(prefix: string): AsyncIterable<number>;
  /**
   * Every complete object below a prefix that ends in a slash, in the order of their keys, page by page.
   * @throws {StoreUnavailableError}
   */
  list(prefix: string): AsyncIterable<readonly StoredObject[]>;
  /** Rejects while the store cannot be written to. */
  check(): Promise<void>;
}

/** The store cannot be reached or refuses for now: try again later. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly code = 'STORE_UNAVAILABLE';
}

/** There is no object of that key. Trying again does not help. */
export class ObjectNotFoundError extends Error {
  override readonly name = 'ObjectNotFoundError';
  readonly code = 'OBJECT_NOT_FOUND';
}

/** `raw/{organization}/{schemaType}/{yyyy}/{mm}/{dd}/{uploadId}.{csv|json}`, by the day on which it began (UTC). */
export function rawObjectKey(parts: {
  readonly organizationId: OrganizationId;
  readonly schemaType: string;
  readonly uploadId: UploadId;
  readonly format: 'csv' | 'json';
  readonly begunAt: Date;
}): string {
  const day = parts.begunAt.toISOString().slice(0, 10).replaceAll('-', '/');
  return `raw/${parts.organizationId}/${parts.schemaType}/${day}/${parts.uploadId}.${parts.format}`;
}

/** What {@link rawObjectKey} put into a key; undefined for the key of anything else. */
export function parseRawObjectKey(key: string):
  | {
      readonly organizationId: OrganizationId;
      readonly schemaType: string;
      readonly uploadId: UploadId;
      readonly format: 'csv' | 'json';
    }
  | undefined {
  const parts = /^raw\/([^/]+)\/([^/]+)\/\d{4}\/\d\d\/\d\d\/([^/.]+)\.(csv|json)$/.exec(key);
  const uploadId = parseUploadId(parts?.[3] ?? '');
  if (!parts || !uploadId) return undefined;
  const [, organizationId, schemaType = '', , format] = parts;
  return {
    organizationId: organizationId as OrganizationId,
    schemaType,
    uploadId,
    format: format as 'csv' | 'json',
  };
}

/** Everything of one organization lies below this. */
export function organizationPrefix(organizationId: OrganizationId): string {
  return `raw/${organizationId}/`;
}

/** @throws {RangeError} without a slash at the end `raw/blue` would also be the files of `blue-bistro` */
export function checkPrefix(prefix: string): void {
  if (!/^[^/].*[^/]\/$/.test(prefix))
    throw new RangeError(`${JSON.stringify(prefix)} is not a prefix of keys: it has to end in one slash.`);
}

/** The reject report lies beside its file. */
export function rejectReportKey(objectKey: string): string {
  return `${objectKey.replace(/\.(csv|json)$/, '')}.rejects.csv`;
}
