// What the API's answers are once they have been through JSON: checked against the server's own types.
import type { Session } from '../api/page/session.ts';
import type { UploadView } from '../api/upload-views.ts';
import type { Fault } from '../schemas/faults.ts';

/** Times and the server's special texts, such as ids, are plain text. */
type Wire<Value> = Value extends Date
  ? string
  : Value extends object
    ? Value extends string
      ? string
      : { readonly [Key in keyof Value]: Wire<Value[Key]> }
    : Value;

export type { Fault, Session };
export type Upload = Wire<UploadView>;
export type UploadStatus = Upload['status'];

/** A folder in the words of SFTP: a schema type that this organization may send. */
export interface Folder {
  readonly schemaType: string;
  readonly title: string;
  readonly description: string;
}
