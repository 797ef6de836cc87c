import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { generateClientId, generateClientSecret, hashSecret, matchesAny } from '../../src/tenancy/secrets.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

describe('A client id', () => {
  it('is piing_ and 24 hexadecimal digits, never the same twice', () => {
    const ids = Array.from({ length: 200 }, generateClientId);
    for (const id of ids) assert.match(id, /^piing_[0-9a-f]{24}$/);
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe('A client secret', () => {
  it('is piing_sk_, 43 random characters of base 62 and 6 of checksum, never the same twice', () => {
    const secrets = Array.from({ length: 200 }, generateClientSecret);
    for (const secret of secrets) assert.match(secret, /^piing_sk_[0-9A-Za-z]{49}$/);
    assert.equal(new Set(secrets).size, secrets.length);
  });

  it('ends in the CRC-32 of everything before, so that scanners and people can tell a typo', () => {
    for (const secret of Array.from({ length: 50 }, generateClientSecret)) {
      const checksum = [...secret.slice(-6)].reduce((value, digit) => value * 62 + BASE62.indexOf(digit), 0);
      assert.equal(checksum, crc32(secret.slice(0, -6)));
    }
  });

  it('is kept as its SHA-256', () => {
    const expected = createHash('sha256').update('piing_sk_example').digest();
    assert.deepEqual(hashSecret('piing_sk_example'), expected);
  });

  it('matches when any of the valid secrets is the given one', () => {
    const [first, second] = [generateClientSecret(), generateClientSecret()];
    const digests = [hashSecret(first), hashSecret(second)];
    assert.ok(matchesAny(first, digests));
    assert.ok(matchesAny(second, digests));
    assert.ok(!matchesAny(generateClientSecret(), digests));
    assert.ok(!matchesAny(first, []));
  });

  it('never matches a digest of another length', () => {
    assert.ok(!matchesAny('', [Buffer.alloc(0)]));
    assert.ok(!matchesAny('secret', [hashSecret('secret').subarray(0, 31)]));
  });
});
