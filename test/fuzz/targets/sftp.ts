import assert from 'node:assert/strict';
import { SftpChannel } from '../../../src/gateway/session/sftp-channel.ts';
import { PacketReader } from '../../../src/gateway/sftp/packet-reader.ts';
import { PACKET, SftpProtocolError } from '../../../src/gateway/sftp/protocol.ts';
import { decodeRequest, type SftpRequest } from '../../../src/gateway/sftp/requests.ts';
import { silentLogger } from '../../support/logger.ts';
import { uint32 } from '../../support/raw-sftp.ts';
import type { Target } from '../guided/target.ts';
import { seeds, TOKENS } from './sftp-seeds.ts';
import { FakeChannel, openWorld } from './sftp-world.ts';

/** An input that begins with this is a list of packets, each a length of two bytes and as much as is there of it. */
const PACKETS = 'p'.charCodeAt(0);

/** What is sent: the input as it is, or its packets with the lengths that they have. */
function streamOf(input: Buffer): Buffer {
  if (input[0] !== PACKETS) return input;
  const packets: Buffer[] = [];
  for (let at = 1; at + 2 < input.length; ) {
    const body = input.subarray(at + 2, at + 2 + input.readUInt16BE(at));
    if (body.length > 0) packets.push(uint32(body.length), body);
    at += 2 + Math.max(body.length, 1);
  }
  return Buffer.concat(packets);
}

/** The requests of a stream in pieces of this size, up to the first that breaks the protocol. */
function requestsOf(stream: Buffer, pieceBytes: number): SftpRequest[] {
  const reader = new PacketReader();
  const requests: SftpRequest[] = [];
  try {
    for (const piece of inPieces(stream, pieceBytes))
      for (const packet of reader.push(piece)) requests.push(decodeRequest(packet));
  } catch (error) {
    assert.ok(error instanceof SftpProtocolError, String((error as Error).stack));
  }
  return requests;
}

function* inPieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Without the pieces in which the data of a WRITE came. */
const comparable = (request: SftpRequest) =>
  request.type === 'write' ? { ...request, data: Buffer.concat(request.data) } : request;

/**
 * However it is cut, a stream is the same requests, each is answered once and in its turn, and none by "internal
 * error". What is acknowledged is what was stored; nothing else stays.
 */
export async function openSftp(): Promise<Target> {
  const world = openWorld();
  const talk = async (stream: Buffer, pieceBytes: number): Promise<Buffer[]> => {
    const channel = new FakeChannel();
    const { session, readAhead, budget, close, expectSound } = world.visit();
    const { finished } = new SftpChannel({
      channel: channel.asServerChannel,
      session,
      readAhead,
      logger: silentLogger,
      closed: new AbortController().signal,
    });
    for (const piece of inPieces(stream, pieceBytes)) channel.push(piece);
    channel.push(null);
    await finished;
    await close();
    assert.equal(budget.total, 0, 'the budget of all connections has lost something');
    expectSound();
    const replies = Array.from(new PacketReader().push(channel.sent), (pieces) => Buffer.concat(pieces));
    for (const reply of replies) assert.ok(!reply.includes('[INTERNAL]'), reply.toString('latin1'));
    return replies;
  };
  return {
    seeds: seeds(),
    tokens: TOKENS,
    maxBytes: 3_000,
    check: async (input) => {
      const stream = streamOf(input);
      const pieceBytes = stream.length > 300 ? 37 : 1;
      const requests = requestsOf(stream, Math.max(stream.length, 1));
      assert.deepEqual(requestsOf(stream, pieceBytes).map(comparable), requests.map(comparable));
      for (const size of [Math.max(stream.length, 1), pieceBytes])
        assert.deepEqual((await talk(stream, size)).map(idOf), requests.map(idAskedFor), `pieces of ${size}`);
    },
  };
}

const idAskedFor = (request: SftpRequest) => (request.type === 'init' ? 'version' : request.id);
const idOf = (reply: Buffer) => (reply[0] === PACKET.VERSION ? 'version' : reply.readUInt32BE(1));
