import { setTimeout as pause } from 'node:timers/promises';
import { RawSftp, type Reply } from '../support/raw-sftp.ts';
import type { FileMaker, SentFile } from './files.ts';
import type { Fleet } from './fleet.ts';
import type { Member } from './member.ts';
import type { Random } from './random.ts';

/** How long a client waits for an answer before it gives up, in milliseconds. */
const PATIENCE_MS = 40_000;
const WRITE_BYTES = 32 * 1024;
/** WRITEs that wait for their answers, as OpenSSH has 64. */
const IN_FLIGHT = 16;

export interface SenderOptions {
  readonly fleet: Fleet;
  readonly maker: FileMaker;
  readonly random: Random;
  readonly name: string;
  readonly door: SentFile['door'];
  readonly backlog: Backlog;
  /** Sends what was not acknowledged again, to another member, as a load balancer would; default: goes on. */
  readonly retries?: boolean;
}

/** Files that wait to be processed; with more of them senders wait too, or they would only measure the queue. */
const MAX_BACKLOG = 20;
const BACKLOG_EVERY_MS = 500;

/** Looks now and then how many files wait. */
export class Backlog {
  readonly #timer: NodeJS.Timeout;
  #files = 0;

  constructor({ pool }: Fleet) {
    const look = async () => {
      const { rows } = await pool.query<{ files: number }>(
        `SELECT count(*)::int AS files FROM piing.uploads WHERE status IN ('PENDING', 'PROCESSING')`,
      );
      this.#files = rows[0]?.files ?? 0;
    };
    // While the database is away the last number stands.
    this.#timer = setInterval(() => void look().catch(() => undefined), BACKLOG_EVERY_MS);
  }

  get isLong(): boolean {
    return this.#files > MAX_BACKLOG;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const MAX_ATTEMPTS = 10;

/** Sends files one after the other until it is stopped, and notes what it was told of each. */
export class Sender {
  readonly sent: SentFile[] = [];
  readonly #options: SenderOptions;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Ends after the file that is being sent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { fleet, maker, random, name, door, retries, backlog } = this.#options;
    while (!this.#stopped) {
      if (backlog.isLong) {
        await pause(BACKLOG_EVERY_MS);
        continue;
      }
      let file = maker.next(random.pick(fleet.tenants), name, door);
      await this.#send(file);
      while (retries && file.told !== 'acknowledged' && file.attempt < MAX_ATTEMPTS) {
        const { via } = file;
        file = maker.again(file);
        await this.#send(file, via);
      }
    }
  }

  async #send(file: SentFile, except?: string): Promise<void> {
    const { fleet, random, door } = this.#options;
    this.sent.push(file);
    const role = door === 'sftp' ? 'gateway' : 'api';
    const member = random.pick(fleet.members.filter((one) => one.role === role && one.name !== except));
    file.via = member.name;
    await sendFile(member, file);
    await pause(file.told === 'acknowledged' ? random.between(0, 50) : random.between(100, 500));
  }
}

class NoAnswer extends Error {}

/** The answer that says that nobody knows. */
const UNCONFIRMED = /did not confirm it in time/;

/** The answer, or a rejection when the connection ends or the client's patience. */
function answerOf(sftp: RawSftp, reply: Promise<Reply>): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new NoAnswer('no answer in time')), PATIENCE_MS);
    void sftp.closed.then(() => reject(new NoAnswer('the connection ended')));
  });
  return Promise.race([reply, silence]).finally(() => clearTimeout(timer));
}

function refuse(file: SentFile, reason: string): void {
  file.told = 'refused';
  file.reason = reason;
}

/** Sends a file by its door, notes what was said of it and when, and lets go of its content. Never rejects. */
export async function sendFile(target: Pick<Member, 'port'>, file: SentFile): Promise<void> {
  await (file.door === 'sftp' ? putBySftp(target, file) : postByHttp(target, file));
  if (file.told === 'acknowledged') file.acknowledgedAt = performance.now();
  file.content = Buffer.alloc(0);
}

async function putBySftp(member: Pick<Member, 'port'>, file: SentFile): Promise<void> {
  const { clientId: username, clientSecret: password } = file.tenant;
  let sftp: RawSftp;
  try {
    const config = { host: '127.0.0.1', port: member.port, username, password, readyTimeout: PATIENCE_MS };
    sftp = await within(RawSftp.connect(config));
  } catch (error) {
    return refuse(file, `login: ${(error as Error).message}`);
  }
  let closing = false;
  try {
    const opened = await answerOf(sftp, sftp.open(`/orgTransactions/${file.name}`));
    if (opened.type !== 'handle') return refuse(file, `OPEN: ${JSON.stringify(opened)}`);
    const waiting = new Set<Promise<Reply>>();
    for (let at = 0; at < file.content.length; at += WRITE_BYTES) {
      const piece = file.content.subarray(at, at + WRITE_BYTES);
      const reply = answerOf(sftp, sftp.write(opened.handle, at, piece));
      waiting.add(reply);
      if (waiting.size >= IN_FLIGHT && !(await taken(waiting))) return refuse(file, 'WRITE');
    }
    while (waiting.size > 0) if (!(await taken(waiting))) return refuse(file, 'WRITE');
    closing = true;
    const closed = await answerOf(sftp, sftp.close(opened.handle));
    if (closed.type === 'status' && closed.code === 0) file.told = 'acknowledged';
    else if (!UNCONFIRMED.test(JSON.stringify(closed))) refuse(file, `CLOSE: ${JSON.stringify(closed)}`);
  } catch (error) {
    // A file whose CLOSE was not sent is not complete for anybody.
    if (!closing) refuse(file, `not closed: ${(error as Error).message}`);
  } finally {
    sftp.drop();
  }
}

/** Waits for the oldest answer; false when it is a refusal. */
async function taken(waiting: Set<Promise<Reply>>): Promise<boolean> {
  const [oldest] = waiting;
  if (!oldest) return true;
  waiting.delete(oldest);
  for (const other of waiting) other.catch(() => undefined);
  const reply = await oldest;
  return reply.type === 'status' && reply.code === 0;
}

async function postByHttp(member: Pick<Member, 'port'>, file: SentFile): Promise<void> {
  const api = `http://127.0.0.1:${member.port}/api/external`;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  let token: string;
  try {
    const { clientId: client_id, clientSecret: client_secret } = file.tenant;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ client_id, client_secret });
    const answer = await fetch(`${api}/auth/token`, { method: 'POST', headers, body, signal });
    if (!answer.ok) return refuse(file, `token: ${answer.status}`);
    token = ((await answer.json()) as { access_token: string }).access_token;
  } catch (error) {
    return refuse(file, `token: ${(error as Error).message}`);
  }
  const form = new FormData();
  form.set('schemaType', 'orgTransactions');
  form.set('file', new Blob([new Uint8Array(file.content)], { type: 'text/csv' }), file.name);
  try {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${api}/upload`, { method: 'POST', headers, body: form, signal });
    if (answer.status === 202) file.told = 'acknowledged';
    else {
      const text = await answer.text().catch(() => '');
      if (!UNCONFIRMED.test(text)) refuse(file, `upload: ${answer.status} ${text}`);
    }
  } catch {
    // Told nothing: the file may have arrived whole.
  }
}

function within<Result>(promise: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new NoAnswer('no answer in time')), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
