import { BlockList, isIP, isIPv6 } from 'node:net';

/** A dual-stack listener reports IPv4 peers as ::ffff:192.0.2.1. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** True when the address lies in one of the CIDR ranges; a range without a length is one address. */
export function isWithin(address: string, ranges: readonly string[]): boolean {
  const plain = plainAddress(address);
  const family = isIPv6(plain) ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/');
    // BlockList takes IPv4 for a part of IPv6, so that ::/0 would let in every IPv4 address.
    if (isIPv6(network) !== (family === 'ipv6')) continue;
    if (prefix === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(prefix), family);
  }
  return list.check(plain, family);
}

/** What one subscriber has: an IPv4 address, or the /64 of an IPv6 address, all of whose addresses are theirs to use. */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = (plain.split('%', 1)[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const behind = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - behind.length);
  const groups = [...before, ...new Array<string>(zeros).fill('0'), ...behind];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** True for an address, and for a network with the length of its prefix. */
export function isRange(text: string): boolean {
  const [network = '', prefix, ...rest] = text.split('/');
  const version = isIP(network);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 6 ? 128 : 32));
}
