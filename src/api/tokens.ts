import { randomUUID } from 'node:crypto';
import { errors, type JWTHeaderParameters, jwtVerify, SignJWT } from 'jose';
import type { OrganizationId } from '../support/ids.ts';
import type { Access } from '../tenancy/access.ts';
import type { SigningKey, SigningKeys } from '../tenancy/signing-keys.ts';

/** Seconds that an access token is good for. */
export const TOKEN_LIFE_SECONDS = 60 * 60;

/** Nothing else is verified, so that no token can choose a weaker way ("none", or HMAC with the public key). */
export const TOKEN_ALGORITHM = 'EdDSA';
const ISSUER = 'piing-gateway';
const AUDIENCE = 'piing-api';
const ORGANIZATION_CLAIM = 'org';

interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** Whom a token was issued to. What that client may do now is asked anew for every request. */
interface TokenSubject {
  readonly clientId: string;
  readonly organizationId: OrganizationId;
}

export interface Tokens {
  issue(client: Pick<Access, 'clientId' | 'organizationId'>): Promise<IssuedToken>;
  /** Undefined for every token that is not ours, was changed or has expired. Rejects when the keys cannot be read. */
  verify(token: string): Promise<TokenSubject | undefined>;
}

/** Access tokens: JSON Web Tokens (RFC 7519), signed with Ed25519 (RFC 8037). */
export function createTokens(keys: SigningKeys, now: () => number = Date.now): Tokens {
  return {
    issue: async (client) => issue(client, await keys.current(), now()),
    verify: (token) => verify(token, keys, now()),
  };
}

async function issue(
  { clientId, organizationId }: Pick<Access, 'clientId' | 'organizationId'>,
  key: SigningKey,
  now: number,
): Promise<IssuedToken> {
  const issuedAt = Math.floor(now / 1_000);
  const expiresAt = issuedAt + TOKEN_LIFE_SECONDS;
  const token = await new SignJWT({ [ORGANIZATION_CLAIM]: organizationId })
    .setProtectedHeader({ alg: TOKEN_ALGORITHM, kid: key.id, typ: 'JWT' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(clientId)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key.privateKey);
  return { token, expiresAt: new Date(expiresAt * 1_000) };
}

async function verify(token: string, keys: SigningKeys, now: number): Promise<TokenSubject | undefined> {
  try {
    const { payload } = await jwtVerify(token, (header) => keyFor(header, keys), {
      algorithms: [TOKEN_ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'exp', 'iat', ORGANIZATION_CLAIM],
      currentDate: new Date(now),
    });
    const organizationId = payload[ORGANIZATION_CLAIM];
    if (typeof payload.sub !== 'string' || typeof organizationId !== 'string') return undefined;
    return { clientId: payload.sub, organizationId: organizationId as OrganizationId };
  } catch (error) {
    // Anything else is not the token's fault: the database did not give the keys.
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

async function keyFor({ kid }: JWTHeaderParameters, keys: SigningKeys): Promise<SigningKey['publicKey']> {
  const key = typeof kid === 'string' ? await keys.find(kid) : undefined;
  if (!key) throw new errors.JWKSNoMatchingKey();
  return key.publicKey;
}
