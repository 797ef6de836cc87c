import type { ClientId } from '../support/ids.ts';
import type { ProvidedSecret } from '../tenancy/apply.ts';
import { looksLikeClientId } from '../tenancy/secrets.ts';
import { ORGANIZATION_LABEL, type Organization, type Secret } from './kinds.ts';
import type { NamedSecrets } from './named-secrets.ts';

/**
 * The database keeps a plain SHA-256, which is enough for random secrets only. Nobody can tell whether a text is
 * random; one of 32 characters is at least not a word.
 */
const CLIENT_SECRET = /^[\x21-\x7e]{32,256}$/;

/** What the `secretRef`s of an organization lead to, by credential. */
export async function readProvidedSecrets(
  secrets: NamedSecrets,
  { metadata, spec }: Organization,
): Promise<ReadonlyMap<string, ProvidedSecret>> {
  const provided = new Map<string, ProvidedSecret>();
  for (const { name: credential, secretRef } of spec.credentials) {
    if (!secretRef) continue;
    const { name } = secretRef;
    const secret = await secrets.read(name);
    const missing = `There is no Secret ${name} in namespace ${metadata.namespace}. Create it with the label ${ORGANIZATION_LABEL}=${metadata.name}, or correct the name.`;
    const found = secret ? toProvided(name, secret) : { problem: missing };
    const where = `spec.credentials[${credential}].secretRef`;
    provided.set(credential, 'problem' in found ? { problem: `${where}: ${found.problem}` } : found);
  }
  return provided;
}

function toProvided(name: string, { data = {} }: Secret): ProvidedSecret {
  const clientSecret = decode(data.client_secret);
  const clientId = decode(data.client_id);
  if (clientSecret === undefined) return { problem: `Secret ${name} has no key client_secret. Add it.` };
  if (!CLIENT_SECRET.test(clientSecret)) {
    const problem = `client_secret in Secret ${name} has to be 32 to 256 random printable characters without spaces or line ends, as \`openssl rand -hex 32 | tr -d '\\n'\` makes them.`;
    return { problem };
  }
  if (clientId !== undefined && !looksLikeClientId(clientId)) {
    const problem = `client_id in Secret ${name} has to be piing_ and 24 hexadecimal digits. Leave it out to have one made.`;
    return { problem };
  }
  return { clientSecret, ...(clientId === undefined ? {} : { clientId: clientId as ClientId }) };
}

function decode(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}
