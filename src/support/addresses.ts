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

/** True for an address, and for a network with the length of its prefix. */
export function isRange(text: string): boolean {
  const [network = '', prefix, ...rest] = text.split('/');
  const version = isIP(network);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 6 ? 128 : 32));
}
