import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import {
  type ProxyHeader,
  ProxyHeaderError,
  parseProxyHeader,
  readProxyHeader,
} from '../../src/gateway/listen/proxy-protocol.ts';
import { corpusOf, damaged, search, textBytes } from './corpus.ts';

const TARGET = 'proxy-header';
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

const version1 = textBytes(
  fc
    .tuple(
      fc.constantFrom('TCP4', 'TCP6', 'UNKNOWN', 'TCP5', ''),
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.nat(70_000),
    )
    .map(
      ([family, source, target, port]) => `PROXY ${family} ${source} ${target} ${port} 22\r\nSSH-2.0-x\r\n`,
    ),
);
const version2 = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(3_000), fc.uint8Array({ maxLength: 300 }))
  .map(([command, family, length, rest]) => {
    const fixed = Buffer.alloc(4);
    fixed.writeUInt8(fc.stringify(command).length > 2 ? 0x20 | (command & 1) : command, 0);
    fixed.writeUInt8(family, 1);
    fixed.writeUInt16BE(length % 3 === 0 ? length : Math.min(rest.length, length), 2);
    return Buffer.concat([SIGNATURE, fixed, rest]);
  });

/** What a header says, or why it says nothing, whatever is thrown. */
function outcome(bytes: Buffer): ProxyHeader | 'more' | 'refused' {
  try {
    return parseProxyHeader(bytes) ?? 'more';
  } catch (error) {
    assert.ok(error instanceof ProxyHeaderError, String(error));
    return 'refused';
  }
}

async function check(bytes: Buffer): Promise<void> {
  const whole = outcome(bytes);
  if (typeof whole === 'object') {
    assert.ok(whole.length <= bytes.length);
    assert.ok(whole.address === undefined || isIP(whole.address) > 0, whole.address);
  }
  // Nothing that comes later changes what was said, and nothing is said too early.
  for (let length = 0; length < Math.min(bytes.length, 300); length += 1) {
    const early = outcome(bytes.subarray(0, length));
    if (early === 'more') continue;
    assert.deepEqual(early, whole, `after ${length} bytes`);
    break;
  }
  await checkReading(bytes, whole);
}

/** A socket in two pieces: the header is taken off, and every byte behind it stays. */
async function checkReading(bytes: Buffer, expected: ReturnType<typeof outcome>): Promise<void> {
  const socket = new PassThrough();
  const header = readProxyHeader(socket as unknown as Socket).catch((error: Error) => error);
  const half = bytes.length >> 1;
  socket.write(bytes.subarray(0, half));
  socket.end(bytes.subarray(half));
  if (expected === 'more') socket.destroy();
  const read = await header;
  if (typeof expected !== 'object') {
    assert.ok(read instanceof ProxyHeaderError, String(read));
    socket.destroy();
    return;
  }
  assert.deepEqual(read, expected);
  const rest: Buffer[] = [];
  for await (const chunk of socket) rest.push(chunk as Buffer);
  assert.deepEqual(Buffer.concat(rest), bytes.subarray(expected.length));
}

describe('A fuzzed PROXY header', function () {
  this.timeout(600_000);

  for (const { name, bytes } of corpusOf(TARGET)) it(`is read or refused: ${name}`, () => check(bytes));

  it('reads a header or refuses it, however it is cut, and never takes more than it says', () =>
    search(TARGET, damaged(fc.oneof(version1, version2, fc.uint8Array({ maxLength: 200 }))), check));
});
