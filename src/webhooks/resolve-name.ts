import { Resolver } from 'node:dns/promises';
import { DeliveryError } from './delivery-error.ts';

const TRY_TIMEOUT_MS = 2_000;
const TRIES = 2;
/** More than any receiver has; bounds what is checked and tried. */
const MAX_ADDRESSES = 16;

/** The addresses of a host name, or a {@link DeliveryError}. */
export type ResolveName = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Asks the name servers directly. The system's resolver would wait in one of the few threads that also read and write
 * files, so that a tenant's slow name server could hold up everybody's.
 */
export const resolveName: ResolveName = async (hostname, signal) => {
  // RFC 6761: these never reach a name server.
  if (/(^|\.)localhost\.?$/i.test(hostname)) return ['127.0.0.1'];
  const resolver = new Resolver({ timeout: TRY_TIMEOUT_MS, tries: TRIES });
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const results = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (addresses.length > 0) return addresses.slice(0, MAX_ADDRESSES);
    const [failed] = results.filter((result) => result.status === 'rejected');
    throw new DeliveryError('NAME_NOT_FOUND', `The name ${hostname} has no address.`, failed?.reason);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};
