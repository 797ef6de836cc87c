import fc from 'fast-check';
import { damaged, search, textBytes } from './corpus.ts';
import { checkProxyHeader, PROXY_SIGNATURE } from './targets/proxy.ts';

const TARGET = 'proxy';

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
    return Buffer.concat([PROXY_SIGNATURE, fixed, rest]);
  });

describe('A fuzzed PROXY header', function () {
  this.timeout(600_000);

  it('reads a header or refuses it, however it is cut, and never takes more than it says', () =>
    search(
      TARGET,
      damaged(fc.oneof(version1, version2, fc.uint8Array({ maxLength: 200 }))),
      checkProxyHeader,
    ));
});
