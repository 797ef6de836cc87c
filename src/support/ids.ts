import { v7 as uuidv7, validate } from 'uuid';

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** The name of an Organization resource: a DNS label of at most 63 characters. */
export type OrganizationId = Branded<string, 'OrganizationId'>;
/** `piing_` and 24 hexadecimal digits: the SFTP user name and the OAuth 2 client id. */
export type ClientId = Branded<string, 'ClientId'>;
/** A UUID version 7 (RFC 9562), so ids sort by the time when their upload began. */
export type UploadId = Branded<string, 'UploadId'>;
/** One running process. Uploads that it left unfinished are found by its missing heartbeat. */
export type InstanceId = Branded<string, 'InstanceId'>;

/** One message to one webhook: the `webhook-id` of every attempt. */
export type DeliveryId = Branded<string, 'DeliveryId'>;

export const newUploadId = (): UploadId => uuidv7() as UploadId;
export const newInstanceId = (): InstanceId => uuidv7() as InstanceId;
export const newDeliveryId = (): DeliveryId => uuidv7() as DeliveryId;

/** Returns the id when the text is a UUID, so that text from outside never reaches a query as an id. */
export function parseUploadId(text: string): UploadId | undefined {
  return validate(text) ? (text.toLowerCase() as UploadId) : undefined;
}
