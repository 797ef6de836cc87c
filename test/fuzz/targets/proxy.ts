import assert from 'node:assert/strict';
import { isIP, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import {
  type ProxyHeader,
  ProxyHeaderError,
  parseProxyHeader,
  readProxyHeader,
} from '../../../src/gateway/listen/proxy-protocol.ts';
import type { Target } from '../guided/target.ts';

export const PROXY_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Longer than any header; beyond it nothing is looked at. */
const LONGEST_PREFIX = 2_100;

/** What a header says, or why it says nothing, whatever is thrown. */
function outcome(bytes: Buffer): ProxyHeader | 'more' | 'refused' {
  try {
    return parseProxyHeader(bytes) ?? 'more';
  } catch (error) {
    assert.ok(error instanceof ProxyHeaderError, String(error));
    return 'refused';
  }
}

/** A header is read or refused, however it is cut, and what stands behind it is left alone. */
export async function checkProxyHeader(bytes: Buffer): Promise<void> {
  const whole = outcome(bytes);
  if (typeof whole === 'object') {
    assert.ok(whole.length <= bytes.length);
    assert.ok(whole.address === undefined || isIP(whole.address) > 0, whole.address);
  }
  // Nothing that comes later changes what was said, and nothing is said too early.
  for (let length = 0; length < Math.min(bytes.length, LONGEST_PREFIX); length += 1) {
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

const version2 = (command: number, family: number, addresses: number) =>
  Buffer.concat([
    PROXY_SIGNATURE,
    Buffer.from([0x20 | command, family, 0, addresses]),
    Buffer.alloc(addresses, 7),
    Buffer.from('SSH-2.0-x\r\n'),
  ]);

export const openProxy = async (): Promise<Target> => ({
  seeds: [
    'PROXY TCP4 192.0.2.1 192.0.2.2 50000 22\r\nSSH-2.0-x\r\n',
    'PROXY TCP6 2001:db8::1 2001:db8::2 50000 22\r\nSSH-2.0-x\r\n',
    'PROXY UNKNOWN\r\n',
    version2(1, 0x11, 12),
    version2(1, 0x21, 36),
    version2(1, 0x31, 216),
    version2(0, 0, 0),
  ],
  tokens: [PROXY_SIGNATURE, 'PROXY ', '\r\n', '::ffff:192.0.2.1', '::', '%eth0', '0x7f.1', '255.255.255.255'],
  maxBytes: 2_300,
  check: checkProxyHeader,
});
