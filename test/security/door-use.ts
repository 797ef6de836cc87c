import { transactionsCsv } from '../support/csv-files.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import type { Evidence } from './evidence.ts';

interface Doors {
  readonly sftp: { readonly host: string; readonly port: number };
  /** Without a path. */
  readonly httpUrl: string;
  readonly clientId: string;
  /** By what they are; what is issued on the way joins them. */
  readonly secrets: Record<string, string>;
  readonly evidence: Evidence;
}

const JSON_BODY = { 'content-type': 'application/json' };
const FORM_BODY = { 'content-type': 'application/x-www-form-urlencoded' };

/** Files by both doors, and logins right and wrong in all their forms; whatever is answered is evidence. */
export class DoorUse {
  readonly #doors: Doors;

  constructor(doors: Doors) {
    this.#doors = doors;
  }

  async everything(): Promise<void> {
    const { clientId } = this.#doors;
    const [secret, wrong] = this.#pair();
    await this.#useSftp(secret, wrong);
    const token = await this.#useLogin(secret, wrong);
    const bearer = { authorization: `Bearer ${token}` };
    await this.ask(`/uploads?access_token=${token}&cursor=${secret}`, { headers: bearer });
    await this.ask(`/nowhere?client_secret=${secret}`, { headers: bearer });
    await this.ask('/uploads', { headers: { authorization: `Bearer ${token.slice(0, -2)}` } });
    await this.ask('/uploads', { headers: { authorization: basic(clientId, secret) } });
    await this.ask('/schemas', { headers: { cookie: `piing_session=${token}` } });
    for (const [content, schemaType] of [
      ['transaction_id,location_id\n1,2\n', 'orgTransactions'],
      ['x', wrong],
    ] as const)
      await this.upload(token, content, schemaType);
    await this.#signIn(secret);
  }

  /** Logs in, and keeps the token among the secrets by that name. */
  async token(
    name: string,
    headers: Record<string, string> = JSON_BODY,
    body: string | undefined = this.loginBody(),
  ): Promise<string> {
    const request = { method: 'POST', headers, ...(body !== '' && { body }) };
    const answer = await fetch(`${this.#api}/auth/token`, request);
    const { access_token } = (await answer.json()) as { access_token?: string };
    if (access_token === undefined) throw new Error(`${name}: ${answer.status}`);
    this.#doors.secrets[name] = access_token;
    return access_token;
  }

  loginBody(): string {
    return pair(this.#doors.clientId, this.#pair()[0]);
  }

  async ask(path: string, init: RequestInit): Promise<number> {
    const answer = await fetch(this.#api + path, init);
    const headers = JSON.stringify([...answer.headers]);
    const where = `answer ${answer.status} of ${path.split('?', 1)[0]}`;
    this.#doors.evidence.add(where, headers + (await answer.text()));
    return answer.status;
  }

  upload(token: string, content: string, schemaType: string): Promise<number> {
    const body = new FormData();
    body.set('schemaType', schemaType);
    body.set('file', new Blob([content]), 'upload.csv');
    return this.ask('/upload', { method: 'POST', headers: { authorization: `Bearer ${token}` }, body });
  }

  async sftp(username: string, password: string, use?: (sftp: RawSftp) => Promise<void>): Promise<void> {
    try {
      const sftp = await RawSftp.connect({ ...this.#doors.sftp, username, password });
      await use?.(sftp);
      await sftp.quit();
    } catch (error) {
      this.#doors.evidence.add('refusal of SFTP', String(error));
    }
  }

  get #api(): string {
    return `${this.#doors.httpUrl}/api/external`;
  }

  #pair(): readonly [secret: string, wrong: string] {
    const { secrets } = this.#doors;
    return [secrets['client secret'] ?? '', secrets['wrong secret'] ?? ''];
  }

  async #useSftp(secret: string, wrong: string): Promise<void> {
    const { clientId } = this.#doors;
    await this.sftp(clientId, secret, async (sftp) => {
      const handle = await sftp.openHandle('/orgTransactions/good.csv');
      await sftp.write(handle, 0, transactionsCsv(10));
      await sftp.close(handle);
      await sftp.open(`/orgTransactions/${wrong}.txt`);
      await sftp.open('/nowhere/x.csv');
    });
    for (const [user, password] of [
      [clientId, wrong],
      [secret, clientId],
      [wrong, wrong],
    ] as const)
      await this.sftp(user, password);
  }

  async #useLogin(secret: string, wrong: string): Promise<string> {
    const { clientId } = this.#doors;
    const token = await this.token('access token');
    await this.token('access token by form', FORM_BODY, `client_id=${clientId}&client_secret=${secret}`);
    await this.token('access token by Basic', { authorization: basic(clientId, secret) }, '');
    for (const [headers, body] of [
      [JSON_BODY, pair(clientId, wrong)],
      [JSON_BODY, pair(secret, clientId)],
      [JSON_BODY, `{"client_id":"${clientId}","client_secret":"${secret}"`],
      [JSON_BODY, `{"client_secret":${secret}}`],
      [JSON_BODY, JSON.stringify({ client_id: clientId, client_secret: [secret], grant_type: wrong })],
      [FORM_BODY, `client_secret=${secret}&client_secret=${wrong}`],
      [{ authorization: basic(secret, wrong) }, undefined],
      [{ authorization: `Basic ${secret}` }, undefined],
    ] as const)
      await this.ask('/auth/token', { method: 'POST', headers, ...(body !== undefined && { body }) });
    return token;
  }

  async #signIn(secret: string): Promise<void> {
    const { clientId, httpUrl, secrets, evidence } = this.#doors;
    const headers = { ...JSON_BODY, 'x-piing-page': '1' };
    const session = await fetch(`${httpUrl}/session`, {
      method: 'POST',
      headers,
      body: pair(clientId, secret),
    });
    secrets.session = /piing_session=([^;]+)/.exec(session.headers.get('set-cookie') ?? '')?.[1] ?? '';
    evidence.add('answer of POST /session', await session.text());
  }
}

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const pair = (id: string, key: string) => JSON.stringify({ client_id: id, client_secret: key });
