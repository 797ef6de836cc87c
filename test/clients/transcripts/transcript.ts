import assert from 'node:assert/strict';
import { PACKET } from '../../../src/gateway/sftp/protocol.ts';
import { transactionsCsv } from '../../support/csv-files.ts';
import { type RawSftp, type Reply, text, uint32 } from '../../support/raw-sftp.ts';

/** `= NAME STATUS, N rows`: what becomes of a file that was acknowledged up to here. */
interface Expected {
  readonly fileName: string;
  readonly status: string;
  readonly rows: number;
}

const FLAG_BITS: Readonly<Record<string, number>> = { write: 0x02, creat: 0x08, trunc: 0x10, excl: 0x20 };
const ATTRIBUTES: Readonly<Record<string, Buffer>> = {
  times: Buffer.concat([uint32(8), uint32(1_771_545_600), uint32(1_771_545_600)]),
  mode: Buffer.concat([uint32(4), uint32(0o100644)]),
};
const BY_PATH = { REALPATH: 16, STAT: 17, LSTAT: 7, OPENDIR: 11, REMOVE: 13 } as const;
const BY_HANDLE = { READDIR: 12, CLOSE: 4, FSTAT: 8 } as const;

/**
 * Plays a client's part of a conversation and checks the server's. `C:` lines are sent at once, in their order,
 * without waiting; `S:` lines are the answers, which have to come in this order. `200-rows` is a CSV file of so many
 * rows; `HANDLE name` gives the handle a name for the lines that follow.
 */
export class Transcript {
  readonly #lines: readonly string[];
  readonly #sftp: RawSftp;
  readonly #check: (expected: Expected) => Promise<void>;
  readonly #handles = new Map<string, Buffer>();
  #pending: { readonly sent: string; readonly reply: Promise<Reply> }[] = [];

  constructor(source: string, sftp: RawSftp, check: (expected: Expected) => Promise<void>) {
    this.#lines = source.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    this.#sftp = sftp;
    this.#check = check;
  }

  async play(): Promise<void> {
    for (const line of this.#lines) {
      const [mark, ...words] = line.split(' ');
      if (mark === 'C:') this.#send(words);
      else if (mark === 'S:') await this.#expect(words);
      else if (mark === '=') await this.#result(words);
      else throw new Error(`No line of a transcript: ${line}`);
    }
    assert.deepEqual(this.#pending, [], 'every request has its answer in the transcript');
  }

  #send(words: readonly string[]): void {
    const [verb = '', first = '', second = ''] = words;
    const push = (reply: Promise<Reply>) => this.#pending.push({ sent: words.join(' '), reply });
    const sftp = this.#sftp;
    if (verb in BY_PATH) push(sftp.request(BY_PATH[verb as keyof typeof BY_PATH], text(first)));
    else if (verb in BY_HANDLE)
      push(sftp.request(BY_HANDLE[verb as keyof typeof BY_HANDLE], text(this.#handle(first))));
    else if (verb === 'OPEN') push(sftp.open(first, flagsOf(second), sizeOf(words[3])));
    else if (verb === 'RENAME') push(sftp.rename(first, second));
    else if (verb === 'SETSTAT')
      push(sftp.request(PACKET.SETSTAT, text(first), ATTRIBUTES[second] as Buffer));
    else if (verb === 'WRITE') {
      const content = Buffer.from(contentOf(second));
      const length = Number(words[4]);
      for (let at = 0; at < content.length; at += length)
        push(sftp.write(this.#handle(first), at, content.subarray(at, at + length)));
    } else throw new Error(`No request: ${words.join(' ')}`);
  }

  async #expect(words: readonly string[]): Promise<void> {
    if (words.slice(2).join(' ') === 'for every WRITE') {
      while (this.#pending[0]?.sent.startsWith('WRITE')) await this.#expect(words.slice(0, 2));
      return;
    }
    const next = this.#pending.shift();
    assert.ok(next, `an answer too many: ${words.join(' ')}`);
    const reply = await next.reply;
    const [verb, first = '', second] = words;
    if (verb === 'HANDLE' && reply.type === 'handle') this.#handles.set(first, reply.handle);
    assert.equal(described(reply, verb), expected(verb, first, second, words), `to ${next.sent}`);
  }

  async #result(words: readonly string[]): Promise<void> {
    const [fileName = '', status = '', rows] = words;
    await this.#check({ fileName, status: status.replace(',', ''), rows: Number(rows) });
  }

  #handle(name: string): Buffer {
    const handle = this.#handles.get(name);
    if (!handle) throw new Error(`No handle is called ${name}.`);
    return handle;
  }
}

function described(reply: Reply, verb: string | undefined): string {
  switch (reply.type) {
    case 'status':
      return `STATUS ${reply.code}${verb === 'STATUS' ? '' : ` ${reply.message}`}`;
    case 'name':
      return `NAME ${reply.entries.map(({ name }) => name).join(' ')}`;
    case 'attrs':
      return (reply.mode & 0o170000) === 0o040000 ? 'ATTRS directory' : `ATTRS file size=${reply.size}`;
    case 'handle':
      return 'HANDLE';
    case 'extended':
      return 'EXTENDED';
  }
}

function expected(
  verb: string | undefined,
  first: string,
  second: string | undefined,
  words: readonly string[],
): string {
  if (verb === 'HANDLE') return 'HANDLE';
  if (verb === 'ATTRS' && first === 'file') return `ATTRS file size=${sizeOf(second)}`;
  return words.join(' ');
}

function flagsOf(names: string): number {
  return names.split('|').reduce((bits, name) => {
    const bit = FLAG_BITS[name];
    if (bit === undefined) throw new Error(`No flag: ${name}`);
    return bits | bit;
  }, 0);
}

const contentOf = (name: string) =>
  transactionsCsv(Number(/^(\d+)-rows$/.exec(name)?.[1]), Number.parseInt(name, 10));

/** `size=200-rows` or `size=0`. */
function sizeOf(word: string | undefined): number | undefined {
  const value = word?.replace('size=', '');
  if (value === undefined) return undefined;
  return /^\d+$/.test(value) ? Number(value) : Buffer.byteLength(contentOf(value));
}
