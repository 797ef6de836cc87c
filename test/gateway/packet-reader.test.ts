import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PacketReader } from '../../src/gateway/sftp/packet-reader.ts';
import { MAX_PACKET_BYTES, SftpProtocolError } from '../../src/gateway/sftp/protocol.ts';
import { decodeRequest } from '../../src/gateway/sftp/requests.ts';
import { uint32 } from '../support/raw-sftp.ts';

async function* inPieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const cut of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    if (cut > at) yield bytes.subarray(at, cut);
    at = cut;
  }
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const packets: Buffer[] = [];
  const reader = new PacketReader();
  for await (const chunk of source)
    for (const pieces of reader.push(chunk)) packets.push(Buffer.concat(pieces));
  return packets;
}

const framed = (body: Buffer) => Buffer.concat([uint32(body.length), body]);

describe('The packet reader', () => {
  it('returns the same packets however the bytes are cut', async () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bodies, fc.array(fc.nat()), async (given, cuts) => {
        const expected = given.map((body) => Buffer.from(body));
        const packets = await collect(inPieces(Buffer.concat(expected.map(framed)), cuts));
        assert.deepEqual(packets, expected);
      }),
      { numRuns: 300 },
    );
  });

  it('takes the longest packet and refuses a longer one before it has arrived', async () => {
    const longest = Buffer.alloc(MAX_PACKET_BYTES, 1);
    assert.equal((await collect(inPieces(framed(longest), []))).length, 1);
    await assert.rejects(collect(inPieces(uint32(MAX_PACKET_BYTES + 1), [])), SftpProtocolError);
  });

  it('returns the packets before a bad one, also when they came with it', () => {
    const packets = new PacketReader().push(Buffer.concat([framed(Buffer.from('a')), uint32(0)]));
    assert.deepEqual(packets.next().value, [Buffer.from('a')]);
    assert.throws(() => packets.next(), SftpProtocolError);
  });

  it('refuses an empty packet', async () => {
    await assert.rejects(collect(inPieces(uint32(0), [1, 2])), SftpProtocolError);
  });
});

describe('The request decoder', () => {
  it('answers any bytes with a request or a protocol error, never with anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        try {
          assert.ok(decodeRequest([Buffer.from(bytes)]).type);
        } catch (error) {
          assert.ok(error instanceof SftpProtocolError, String(error));
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('refuses a field that reaches beyond its packet', () => {
    const open = Buffer.concat([Buffer.from([3]), uint32(1), uint32(1_000), Buffer.from('short')]);
    assert.throws(() => decodeRequest([open]), SftpProtocolError);
  });
});
