import assert from 'node:assert/strict';
import { DeliveryError } from '../../src/webhooks/delivery-error.ts';
import { isPublicAddress } from '../../src/webhooks/public-addresses.ts';
import { resolveName } from '../../src/webhooks/resolve-name.ts';
import { findTarget } from '../../src/webhooks/target.ts';

const PUBLIC = '93.184.215.14';

describe('isPublicAddress', () => {
  it('is true for addresses of the internet', () => {
    for (const address of [PUBLIC, '1.1.1.1', '223.255.255.254', '2606:4700:4700::1111', '2a00:1450:4001::1'])
      assert.equal(isPublicAddress(address), true, address);
  });

  // The registries of special addresses (RFC 6890 and after), and what carries IPv4 inside of IPv6.
  const OTHERS: Readonly<Record<string, readonly string[]>> = {
    unspecified: ['0.0.0.0', '0.1.2.3', '::'],
    loopback: ['127.0.0.1', '127.255.255.254', '::1'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff::1'],
    'link-local': ['169.254.0.1', 'fe80::1', 'febf::1', 'fec0::1'],
    'metadata services': [
      '169.254.169.254',
      'fd00:ec2::254',
      '100.100.100.200',
      '192.0.0.192',
      '168.63.129.16',
    ],
    'shared (CGNAT)': ['100.64.0.1', '100.127.255.255'],
    multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    'broadcast and reserved': ['255.255.255.255', '240.0.0.1', '192.0.0.1', '192.88.99.1'],
    'documentation and benchmarking': [
      '192.0.2.1',
      '198.51.100.1',
      '203.0.113.1',
      '198.18.0.1',
      '2001:db8::1',
      '3fff::1',
      '2001:2::1',
    ],
    'IPv4 mapped': ['::ffff:127.0.0.1', '::ffff:a00:1', `::ffff:${PUBLIC}`],
    'IPv4 compatible and translated': ['::127.0.0.1', '::7f00:1', '::ffff:0:7f00:1'],
    NAT64: ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1'],
    '6to4 and Teredo': ['2002:7f00:1::1', '2001::1'],
    'discard, SRv6, and never given out': ['100::1', '5f00::1', '4000::1', 'e000::1'],
    'what is no address': ['', 'localhost', '1.2.3', '300.1.1.1', '127.1', '0x7f000001'],
  };
  for (const [what, addresses] of Object.entries(OTHERS)) {
    it(`is false for ${what}`, () => {
      for (const address of addresses) assert.equal(isPublicAddress(address), false, address);
    });
  }
});

describe('findTarget', () => {
  const find = (
    url: string,
    { addresses = [PUBLIC], allowedRanges = [] }: { addresses?: string[]; allowedRanges?: string[] } = {},
  ) => findTarget(url, { allowedRanges, resolve: async () => addresses }, AbortSignal.timeout(1_000));
  const refuses = (code: string, ...[url, options]: Parameters<typeof find>) =>
    assert.rejects(find(url, options), (error: unknown) => {
      assert.ok(error instanceof DeliveryError, String(error));
      assert.equal(error.code, code, url);
      return true;
    });

  it('takes https to a public address, on port 443 or one from 1024 on', async () => {
    assert.deepEqual((await find('https://hooks.example.com/a?b')).addresses, [PUBLIC]);
    assert.equal((await find('https://hooks.example.com')).port, 443);
    assert.equal((await find(`https://${PUBLIC}:8443/`)).port, 8_443);
    assert.equal((await find('https://[2606:4700:4700::1111]/')).hostname, '2606:4700:4700::1111');
  });

  it('refuses every spelling of a private address', async () => {
    const hosts = ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0', '[::1]', '[::]'];
    hosts.push('[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '169.254.169.254', '10.1', '[fd00:ec2::254]');
    hosts.push('１２７.0.0.1', '127.0.0.1.');
    for (const host of hosts) await refuses('ADDRESS_NOT_ALLOWED', `https://${host}/`);
  });

  it('refuses a name that leads to a private address, also beside public ones', async () => {
    await refuses('ADDRESS_NOT_ALLOWED', 'https://in.example.com/', { addresses: ['10.0.0.1'] });
    await refuses('ADDRESS_NOT_ALLOWED', 'https://mixed.example.com/', { addresses: [PUBLIC, '::1'] });
  });

  it('refuses http, ports of other services, a user name, and what only looks like a URL', async () => {
    await refuses('HTTP_NOT_ALLOWED', 'http://hooks.example.com/');
    for (const port of [22, 25, 80, 1023])
      await refuses('PORT_NOT_ALLOWED', `https://hooks.example.com:${port}/`);
    await refuses('URL_NOT_ALLOWED', 'https://user:secret@hooks.example.com/');
    await refuses('URL_NOT_ALLOWED', 'https://1.2.3.4.5/');
  });

  it('never quotes the path of a URL, where secrets are kept', async () => {
    await assert.rejects(find('http://hooks.example.com/T0/SECRET?token=SECRET'), (error: Error) => {
      assert.ok(!error.message.includes('SECRET'), error.message);
      return true;
    });
  });

  it('takes http, any port and private addresses in ranges of the administrator, and only there', async () => {
    const allowedRanges = ['10.1.0.0/16', '::1/128'];
    assert.deepEqual((await find('http://10.1.2.3:25/', { allowedRanges })).addresses, ['10.1.2.3']);
    await find('http://in.example.com/', { allowedRanges, addresses: ['10.1.0.1', '::1'] });
    await refuses('ADDRESS_NOT_ALLOWED', 'http://10.2.0.1/', { allowedRanges });
    // A public name must not be called by http because one of its addresses is in the range.
    const addresses = ['10.1.0.1', PUBLIC];
    await refuses('HTTP_NOT_ALLOWED', 'http://in.example.com/', { allowedRanges, addresses });
    await find('https://in.example.com/', { allowedRanges, addresses });
  });
});

describe('resolveName', () => {
  it('knows localhost without a name server, so that it cannot lead elsewhere', async () => {
    const signal = AbortSignal.timeout(1_000);
    assert.deepEqual(await resolveName('localhost', signal), ['127.0.0.1']);
    assert.deepEqual(await resolveName('a.LOCALHOST.', signal), ['127.0.0.1']);
  });

  it('says which name has no address', async () => {
    await assert.rejects(
      resolveName('no-such-host.invalid', AbortSignal.timeout(5_000)),
      (error: unknown) =>
        error instanceof DeliveryError &&
        error.code === 'NAME_NOT_FOUND' &&
        error.message.includes('no-such-host.invalid'),
    );
  });
});
