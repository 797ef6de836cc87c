import { createHmac } from 'node:crypto';

export interface SignedMessage {
  /** The same for every attempt. */
  readonly id: string;
  readonly body: string;
  /** Of this attempt: receivers refuse what is older than some minutes. */
  readonly sentAt: Date;
}

/** The three headers of Standard Webhooks, with one signature a secret so that receivers can change over. */
export function signatureHeaders(
  { id, body, sentAt }: SignedMessage,
  secrets: readonly Buffer[],
): Readonly<Record<string, string>> {
  const timestamp = Math.floor(sentAt.getTime() / 1_000);
  const content = `${id}.${timestamp}.${body}`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', secret).update(content).digest('base64')}`,
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
