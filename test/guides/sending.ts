import assert from 'node:assert/strict';
import type { StandaloneProcess } from '../support/standalone.ts';

const apiOf = ({ endpoints }: StandaloneProcess) => `${endpoints.http.url}/api/external`;

/** An access token of the sample organization that may send orgTransactions. */
export async function tokenOf(gateway: StandaloneProcess): Promise<string> {
  const answer = await fetch(`${apiOf(gateway)}/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(await gateway.credential('blue-bistro', 'pos')),
  });
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { access_token: string }).access_token;
}

/** Sends a file and waits for its final status. */
export async function putByHttp(
  gateway: StandaloneProcess,
  token: string,
  name: string,
  content: string,
): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const form = new FormData();
  form.append('schemaType', 'orgTransactions');
  form.append('file', new Blob([content]), name);
  const sent = await fetch(`${apiOf(gateway)}/upload`, { method: 'POST', body: form, headers });
  assert.equal(sent.status, 202);
  const { uploadId } = (await sent.json()) as { uploadId: string };
  const ended = await fetch(`${apiOf(gateway)}/upload/${uploadId}/status?wait=50`, { headers });
  return ((await ended.json()) as { status: string }).status;
}

/** What the API says to a token. */
export async function statusOfToken(gateway: StandaloneProcess, token: string): Promise<number> {
  const answer = await fetch(`${apiOf(gateway)}/uploads`, { headers: { authorization: `Bearer ${token}` } });
  return answer.status;
}
