import type { ClientId } from '../support/ids.ts';
import type { ProvidedSecret } from '../tenancy/apply.ts';
import type { CredentialSpec } from '../tenancy/resources.ts';
import { looksLikeClientId } from '../tenancy/secrets.ts';
import type { Organization, Secret } from './kinds.ts';
import { isNotFound } from './runtime/api-error.ts';
import type { ResourceClient } from './runtime/resource-client.ts';

/**
 * The database keeps a plain SHA-256, which is enough for random secrets only. Nobody can tell whether a text is
 * random; one of 32 characters is at least not a word.
 */
const CLIENT_SECRET = /^[\x21-\x7e]{32,256}$/;

/** What the `secretRef`s of an organization lead to, by credential. */
export async function readProvidedSecrets(
  secrets: ResourceClient<Secret>,
  { metadata, spec }: Organization,
): Promise<ReadonlyMap<string, ProvidedSecret>> {
  const provided = new Map<string, ProvidedSecret>();
  for (const credential of spec.credentials) {
    if (credential.secretRef)
      provided.set(
        credential.name,
        await read(secrets, metadata.namespace, credential, credential.secretRef.name),
      );
  }
  return provided;
}

async function read(
  secrets: ResourceClient<Secret>,
  namespace: string,
  { name: credential }: CredentialSpec,
  name: string,
): Promise<ProvidedSecret> {
  const refuse = (problem: string) => ({ problem: `spec.credentials[${credential}].secretRef: ${problem}` });
  try {
    const { data = {} } = await secrets.get(namespace, name);
    const clientSecret = decode(data.client_secret);
    const clientId = decode(data.client_id);
    if (clientSecret === undefined) return refuse(`Secret ${name} has no key client_secret. Add it.`);
    if (!CLIENT_SECRET.test(clientSecret)) {
      return refuse(
        `client_secret in Secret ${name} has to be 32 to 256 random printable characters without spaces or line ends, as \`openssl rand -hex 32 | tr -d '\\n'\` makes them.`,
      );
    }
    if (clientId !== undefined && !looksLikeClientId(clientId)) {
      return refuse(
        `client_id in Secret ${name} has to be piing_ and 24 hexadecimal digits. Leave it out to have one made.`,
      );
    }
    return { clientSecret, ...(clientId === undefined ? {} : { clientId: clientId as ClientId }) };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return refuse(`There is no Secret ${name} in namespace ${namespace}. Create it, or correct the name.`);
  }
}

function decode(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}
