import { isIP } from 'node:net';
import { isWithin } from '../support/addresses.ts';
import { DeliveryError } from './delivery-error.ts';
import { isPublicAddress } from './public-addresses.ts';
import type { ResolveName } from './resolve-name.ts';

const HTTPS_PORT = 443;
/** Below are the ports of services that were not made for strangers' bytes: mail, name servers, databases' old ones. */
const FIRST_FREE_PORT = 1_024;

export interface TargetPolicy {
  /** Networks of the administrator's own, where http, any port and private addresses are fine. */
  readonly allowedRanges: readonly string[];
  readonly resolve: ResolveName;
}

/** Where one attempt goes: to these addresses and no others, whatever the name says a moment later. */
export interface Target {
  readonly url: URL;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** Checked, never empty. */
  readonly addresses: readonly string[];
}

/**
 * Finds the addresses of a URL and decides whether a tenant may have them called.
 * @throws {DeliveryError} saying what is not allowed
 */
export async function findTarget(text: string, policy: TargetPolicy, signal: AbortSignal): Promise<Target> {
  // The API server's idea of a URL is wider: it takes https://1.2.3.4.5/.
  if (!URL.canParse(text)) throw new DeliveryError('URL_NOT_ALLOWED', 'This is not a URL.');
  const url = new URL(text);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port) || (secure ? HTTPS_PORT : 80);
  if (url.username !== '' || url.password !== '')
    throw new DeliveryError('URL_NOT_ALLOWED', `The URL of ${hostname} has a user name. Take it out.`);
  const addresses = isIP(hostname) ? [hostname] : await policy.resolve(hostname, signal);
  const ours = addresses.every((address) => isWithin(address, policy.allowedRanges));
  // All of them, because any of them may be the one that is connected to.
  if (
    !ours &&
    !addresses.every((address) => isPublicAddress(address) || isWithin(address, policy.allowedRanges))
  )
    throw new DeliveryError(
      'ADDRESS_NOT_ALLOWED',
      `${hostname} leads to an address that is not public. PIING_WEBHOOK_ALLOWED_RANGES may allow it.`,
    );
  if (!secure && (!ours || url.protocol !== 'http:'))
    throw new DeliveryError('HTTP_NOT_ALLOWED', `${hostname} has to be called by https.`);
  if (!ours && port !== HTTPS_PORT && port < FIRST_FREE_PORT)
    throw new DeliveryError('PORT_NOT_ALLOWED', `Port ${port} of ${hostname} is not 443 and below 1024.`);
  return { url, hostname, port, addresses };
}
