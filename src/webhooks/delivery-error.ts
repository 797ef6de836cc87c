/** Why an attempt failed, as the audit keeps it. */
export const DELIVERY_FAULTS = [
  /** The name leads to an address that is not public, and no range of the administrator has it. */
  'ADDRESS_NOT_ALLOWED',
  'HTTP_NOT_ALLOWED',
  'PORT_NOT_ALLOWED',
  /** It has a user name, or is one for the API server only. */
  'URL_NOT_ALLOWED',
  'NAME_NOT_FOUND',
  'CONNECT_FAILED',
  'TLS_FAILED',
  'TIMEOUT',
  'CONNECTION_LOST',
  'BAD_RESPONSE',
  /** A redirect; it is not followed. */
  'REDIRECT',
  'GONE',
  /** Any other answer but 2xx. */
  'STATUS',
] as const;

export type DeliveryFault = (typeof DELIVERY_FAULTS)[number];

/** Thrown when there is no answer. The message is for administrators; it quotes the host, never the whole URL. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  readonly code: DeliveryFault;

  constructor(code: DeliveryFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
