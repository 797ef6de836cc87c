// ssh2-sftp-client loads ssh2 by itself: the edits have to be in place before.
import '../../src/gateway/ssh2/index.ts';
import { once } from 'node:events';
import SftpClient from 'ssh2-sftp-client';
import type { UploadView } from '../../src/api/upload-views.ts';
import type { Drop } from './day.ts';
import type { Credential, DemoGateway } from './gateway.ts';

/** What a sender was told. */
export type Answer = { readonly taken: true } | { readonly taken: false; readonly reason: string };

/** Sends one file in the way that its sender would. */
export async function send(gateway: DemoGateway, drop: Drop): Promise<Answer> {
  try {
    if (drop.by === 'http') await sendByHttp(gateway, drop);
    else await sendBySftp(gateway, drop);
    return { taken: true };
  } catch (error) {
    return { taken: false, reason: (error as Error).message };
  }
}

async function sendBySftp({ endpoints, credential }: DemoGateway, drop: Drop): Promise<void> {
  const { client_id: username, client_secret: password } = await credential(drop.organization);
  const { host, port } = endpoints.sftp;
  const client = new SftpClient();
  await client.connect({ host, port, username, password });
  const path = `/${drop.folder}/${drop.fileName}`;
  try {
    if (drop.manner === 'broken off in the middle') await breakOff(client, path, drop.content);
    else if (drop.manner === 'under a temporary name') {
      await client.put(Buffer.from(drop.content), `${path}.filepart`);
      await client.rename(`${path}.filepart`, path);
    } else await client.put(Buffer.from(drop.content), path);
  } finally {
    await client.end();
  }
}

/** Ends the session while the file is open. */
async function breakOff(client: SftpClient, path: string, content: string): Promise<never> {
  const file = client.createWriteStream(path);
  file.on('error', () => undefined);
  await once(file, 'open');
  await new Promise((resolve) => file.write(content.slice(0, content.length / 2), resolve));
  throw new Error('The connection was broken off.');
}

async function sendByHttp(gateway: DemoGateway, drop: Drop): Promise<void> {
  const token = await tokenOf(gateway, await gateway.credential(drop.organization));
  const form = new FormData();
  form.append('schemaType', drop.folder);
  form.append('file', new Blob([drop.content]), drop.fileName);
  const response = await fetch(`${gateway.endpoints.http.url}/api/external/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: form,
  });
  if (response.status !== 202) throw new Error(((await response.json()) as { detail: string }).detail);
}

export async function tokenOf({ endpoints }: DemoGateway, credential: Credential): Promise<string> {
  const response = await fetch(`${endpoints.http.url}/api/external/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credential),
  });
  const answer = (await response.json()) as { access_token?: string; detail?: string };
  if (!answer.access_token) throw new Error(answer.detail);
  return answer.access_token;
}

/** The newest uploads of an organization, as its own API shows them. */
export async function uploadsOf(gateway: DemoGateway, organization: string): Promise<readonly UploadView[]> {
  const token = await tokenOf(gateway, await gateway.credential(organization));
  const response = await fetch(`${gateway.endpoints.http.url}/api/external/uploads?limit=100`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return ((await response.json()) as { uploads: UploadView[] }).uploads;
}
