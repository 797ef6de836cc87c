/** What a message is of. The first four end in the final status of an upload. */
export const TEST_MESSAGE = 'webhook.test';

/** The body that Standard Webhooks suggests. */
export function messageBody(type: string, at: Date, data: unknown): string {
  return JSON.stringify({ type, timestamp: at, data });
}
