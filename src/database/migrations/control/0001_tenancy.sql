-- Who may upload what. Written by the operator (or the standalone reconciler), read by every door.

CREATE TABLE piing.organizations (
  id                    text PRIMARY KEY,
  namespace             text NOT NULL,
  display_name          text,
  suspended             boolean NOT NULL DEFAULT false,
  allowed_source_ranges text[] NOT NULL DEFAULT '{}',
  max_file_bytes        bigint,
  -- Set when the resource is deleted: the doors close, the data stays.
  deleted_at            timestamptz,
  created_at            timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE piing.credentials (
  client_id       text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES piing.organizations,
  name            text NOT NULL,
  rotation        integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  expires_at      timestamptz,
  revoked_at      timestamptz,
  last_used_at    timestamptz,
  UNIQUE (organization_id, name)
);

-- More than one row a credential only while a rotation overlaps.
CREATE TABLE piing.credential_secrets (
  client_id     text NOT NULL REFERENCES piing.credentials ON DELETE CASCADE,
  secret_sha256 bytea NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  valid_until   timestamptz,
  PRIMARY KEY (client_id, secret_sha256)
);

CREATE TABLE piing.schema_enablements (
  organization_id text NOT NULL,
  schema_type     text NOT NULL,
  -- The resource that owns this row; a second one for the same pair is a conflict.
  namespace       text NOT NULL,
  name            text NOT NULL,
  transformer     jsonb NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, schema_type),
  UNIQUE (namespace, name)
);

-- Keys that sign access tokens; the newest signs, all that have not expired verify.
CREATE TABLE piing.signing_keys (
  kid        text PRIMARY KEY,
  jwk        jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Open sessions hear of a change at once: the payload is the organization's id.
CREATE FUNCTION piing.notify_tenancy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(COALESCE(NEW, OLD));
BEGIN
  PERFORM pg_notify('piing_tenancy', COALESCE(changed ->> 'organization_id', changed ->> 'id'));
  RETURN NULL;
END $$;

CREATE TRIGGER notify_tenancy AFTER INSERT OR UPDATE OR DELETE ON piing.organizations
  FOR EACH ROW EXECUTE FUNCTION piing.notify_tenancy();
CREATE TRIGGER notify_tenancy AFTER INSERT OR DELETE OR UPDATE OF revoked_at, expires_at ON piing.credentials
  FOR EACH ROW EXECUTE FUNCTION piing.notify_tenancy();
CREATE TRIGGER notify_tenancy AFTER INSERT OR UPDATE OR DELETE ON piing.schema_enablements
  FOR EACH ROW EXECUTE FUNCTION piing.notify_tenancy();
