import type { Queryable } from '../database/pool.ts';
import type { TransformerSpec } from '../schemas/transformer-spec.ts';
import { isWithin } from '../support/addresses.ts';
import type { ClientId, OrganizationId } from '../support/ids.ts';
import { matchesAny } from './secrets.ts';

/** What a credential may do now. Read anew when the tenancy changes; never kept beyond a session. */
export interface Access {
  readonly organizationId: OrganizationId;
  readonly clientId: ClientId;
  readonly credentialName: string;
  /** Lower than the gateway's own limit, or null. */
  readonly maxFileBytes: number | null;
  readonly schemaTypes: ReadonlyMap<string, TransformerSpec>;
}

export type DenialReason =
  | 'unknown-client'
  | 'wrong-secret'
  | 'revoked'
  | 'expired'
  | 'suspended'
  | 'source-address'
  | 'throttled';

export type AccessDecision =
  | { readonly allowed: true; readonly access: Access }
  | { readonly allowed: false; readonly reason: DenialReason };

interface CredentialRow {
  readonly client_id: ClientId;
  readonly organization_id: OrganizationId;
  readonly name: string;
  readonly revoked: boolean;
  readonly expired: boolean;
  readonly closed: boolean;
  readonly allowed_source_ranges: readonly string[];
  readonly max_file_bytes: number | null;
  readonly use_is_news: boolean;
  readonly secrets: readonly Buffer[];
  readonly schema_types: Readonly<Record<string, TransformerSpec>>;
}

const FIND_CREDENTIAL = `
SELECT c.client_id, c.organization_id, c.name,
       c.revoked_at IS NOT NULL AS revoked,
       COALESCE(c.expires_at <= now(), false) AS expired,
       o.suspended OR o.deleted_at IS NOT NULL AS closed,
       COALESCE(c.last_used_at < now() - interval '1 minute', true) AS use_is_news,
       o.allowed_source_ranges, o.max_file_bytes,
       ARRAY(SELECT s.secret_sha256 FROM piing.credential_secrets s
              WHERE s.client_id = c.client_id AND (s.valid_until IS NULL OR s.valid_until > now())) AS secrets,
       COALESCE((SELECT jsonb_object_agg(e.schema_type, e.transformer) FROM piing.schema_enablements e
                  WHERE e.organization_id = c.organization_id), '{}') AS schema_types
  FROM piing.credentials c JOIN piing.organizations o ON o.id = c.organization_id
 WHERE c.client_id = $1`;

const NOTE_USE = 'UPDATE piing.credentials SET last_used_at = now() WHERE client_id = $1';

/** Postgres refuses NUL in text, and nothing that long is one of our ids: such a name is simply unknown. */
const PLAUSIBLE_CLIENT_ID = /^[\x21-\x7e]{1,128}$/;

/** Compared when the client is unknown, so that its answer takes the same work. */
const NO_SECRET = [Buffer.alloc(32)];

/** Decides on a login. The caller answers every denial alike; the reason is for logs only. */
export async function authenticate(
  db: Queryable,
  attempt: { readonly clientId: string; readonly clientSecret: string; readonly remoteAddress: string },
): Promise<AccessDecision> {
  const row = await findCredential(db, attempt.clientId);
  const secretMatches = matchesAny(attempt.clientSecret, row?.secrets ?? NO_SECRET);
  const decision = decide(row, attempt.remoteAddress);
  if (decision.allowed && !secretMatches) return { allowed: false, reason: 'wrong-secret' };
  // Once a minute is enough to tell what is still in use; a busy credential would queue on its own row.
  if (decision.allowed && row?.use_is_news) await db.query(NOTE_USE, [attempt.clientId]);
  return decision;
}

/** Decides again for a client that has already shown its secret: an open session or an access token. */
export async function currentAccess(
  db: Queryable,
  client: { readonly clientId: string; readonly remoteAddress: string },
): Promise<AccessDecision> {
  return decide(await findCredential(db, client.clientId), client.remoteAddress);
}

async function findCredential(db: Queryable, clientId: string): Promise<CredentialRow | undefined> {
  if (!PLAUSIBLE_CLIENT_ID.test(clientId)) return undefined;
  const query = { name: 'find-credential', text: FIND_CREDENTIAL, values: [clientId] };
  const result = await db.query<CredentialRow>(query);
  return result.rows[0];
}

function decide(row: CredentialRow | undefined, remoteAddress: string): AccessDecision {
  if (!row) return { allowed: false, reason: 'unknown-client' };
  if (row.revoked) return { allowed: false, reason: 'revoked' };
  if (row.expired) return { allowed: false, reason: 'expired' };
  if (row.closed) return { allowed: false, reason: 'suspended' };
  if (row.allowed_source_ranges.length > 0 && !isWithin(remoteAddress, row.allowed_source_ranges))
    return { allowed: false, reason: 'source-address' };
  return {
    allowed: true,
    access: {
      organizationId: row.organization_id,
      clientId: row.client_id,
      credentialName: row.name,
      maxFileBytes: row.max_file_bytes,
      schemaTypes: new Map(Object.entries(row.schema_types)),
    },
  };
}
