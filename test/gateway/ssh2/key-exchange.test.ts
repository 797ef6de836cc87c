import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { text, uint32 } from '../../support/raw-sftp.ts';
import { kexInit, RawSsh, SSH_MESSAGE } from '../../support/raw-ssh.ts';

const MLKEM = 'mlkem768x25519-sha256';
const STRICT = 'kex-strict-c-v00@openssh.com';
/** RFC 4253, 11.1. */
const KEY_EXCHANGE_FAILED = 3;
const PROTOCOL_ERROR = 2;

const rawKey = (type: 'ml-kem-768' | 'x25519', bytes: number): Buffer => {
  const { publicKey } = type === 'x25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('ml-kem-768');
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-bytes);
};

describe('A key exchange', () => {
  const pq = rawKey('ml-kem-768', 1184);
  const ec = rawKey('x25519', 32);
  let gateway: TestGateway;

  before(async () => {
    gateway = await startTestGateway({ withWorker: false });
  });
  after(() => gateway.close());
  afterEach(async () => {
    // Whatever was sent, the next client is served.
    const session = await gateway.connect(await gateway.tenant());
    assert.equal((await session.list('/')).length, 1);
    session.drop();
  });

  /** What the server says to this packet: the numbers of its messages, and why it disconnects. */
  async function answersTo(
    packet: Buffer,
    options: { readonly kex?: string; readonly before?: Buffer; readonly guessFollows?: boolean } = {},
  ): Promise<{ readonly messages: number[]; readonly reason: number | undefined }> {
    const client = await RawSsh.connect(gateway.port);
    if (options.before) client.send(options.before);
    client.send(
      kexInit({ kex: options.kex ?? `${MLKEM},${STRICT}`, guessFollows: options.guessFollows ?? false }),
    );
    client.send(packet);
    const messages: number[] = [];
    let reason: number | undefined;
    for (;;) {
      const answer = await client.receive();
      const message = answer?.[0];
      if (!answer || message === undefined) break;
      messages.push(message);
      if (message === SSH_MESSAGE.DISCONNECT) reason = answer.readUInt32BE(1);
      if (message === SSH_MESSAGE.KEX_ECDH_REPLY) break;
    }
    client.close();
    return { messages, reason };
  }

  const init = (keys: Buffer) => Buffer.concat([Buffer.from([SSH_MESSAGE.KEX_ECDH_INIT]), text(keys)]);

  it('by ML-KEM and X25519 is answered with the server’s half', async () => {
    const { messages } = await answersTo(init(Buffer.concat([pq, ec])));
    assert.ok(messages.includes(SSH_MESSAGE.KEX_ECDH_REPLY), String(messages));
  });

  const malformed: Readonly<Record<string, Buffer>> = {
    'no key': init(Buffer.alloc(0)),
    'the X25519 half alone': init(ec),
    'a byte too few': init(Buffer.concat([pq, ec]).subarray(1)),
    'a byte too many': init(Buffer.concat([pq, ec, Buffer.alloc(1)])),
    '30,000 bytes': init(Buffer.alloc(30_000, 0xff)),
    'an ML-KEM key whose coefficients are too large': init(Buffer.concat([Buffer.alloc(1184, 0xff), ec])),
    'an X25519 point of zeros': init(Buffer.concat([pq, Buffer.alloc(32)])),
    'an X25519 point of low order': init(Buffer.concat([pq, Buffer.from([1]), Buffer.alloc(31)])),
    'a string that is cut off': Buffer.concat([Buffer.from([30]), uint32(1216), pq]),
    'no string': Buffer.from([30]),
  };
  for (const [what, packet] of Object.entries(malformed)) {
    it(`with ${what} ends the connection with a reason`, async () => {
      const { messages, reason } = await answersTo(packet);
      assert.ok(!messages.includes(SSH_MESSAGE.KEX_ECDH_REPLY), String(messages));
      assert.equal(reason, KEY_EXCHANGE_FAILED);
    });
  }

  it('is strict where the client is: no other message may come between (Terrapin)', async () => {
    const ignore = Buffer.concat([Buffer.from([SSH_MESSAGE.IGNORE]), text('x')]);
    const whole = init(Buffer.concat([pq, ec]));
    const strict = await answersTo(whole, { before: ignore });
    assert.ok(!strict.messages.includes(SSH_MESSAGE.KEX_ECDH_REPLY), 'IGNORE before KEXINIT');
    const between = await answersTo(ignore);
    assert.ok(!between.messages.includes(SSH_MESSAGE.KEX_ECDH_REPLY), 'IGNORE behind KEXINIT');
    assert.ok([KEY_EXCHANGE_FAILED, PROTOCOL_ERROR, undefined].includes(between.reason));
    const older = await answersTo(whole, { before: ignore, kex: MLKEM });
    assert.ok(older.messages.includes(SSH_MESSAGE.KEX_ECDH_REPLY), 'fine without strict key exchange');
  });

  it('throws a wrong guess away, and goes on with the packet behind it', async () => {
    const client = await RawSsh.connect(gateway.port);
    client.send(kexInit({ kex: `sntrup761x25519-sha512,${MLKEM}`, guessFollows: true }));
    client.send(init(Buffer.alloc(1_190, 1)));
    client.send(init(Buffer.concat([pq, ec])));
    let answer = await client.receive();
    while (answer && answer[0] === SSH_MESSAGE.KEXINIT) answer = await client.receive();
    assert.equal(answer?.[0], SSH_MESSAGE.KEX_ECDH_REPLY);
    client.close();
  });
});
