import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isWithin } from '../support/addresses.ts';

/** What IANA has given out to be reached from everywhere; the rest of IPv6 is reserved or for special use. */
const GLOBAL_UNICAST = '2000::/3';

/** Public by its number, but the address of Azure's host agent and metadata from inside of any of its machines. */
const METADATA = ['168.63.129.16'];

/**
 * True for addresses of the public internet. False for private, loopback, link-local (with the metadata services),
 * shared, multicast, unspecified, documentation and benchmarking ones, and for every form of IPv6 that carries an IPv4
 * address inside: mapped, translated, NAT64, 6to4, Teredo.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || ipaddr.parse(address).range() !== 'unicast') return false;
  if (isIPv6(address) && !isWithin(address, [GLOBAL_UNICAST])) return false;
  return !isWithin(address, METADATA);
}
