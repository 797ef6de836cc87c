-- Processes that receive files. One whose heartbeat stops leaves uploads for the sweeper.
CREATE TABLE piing.instances (
  id         uuid PRIMARY KEY,
  role       text NOT NULL,
  host       text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE piing.uploads (
  id              uuid PRIMARY KEY,
  organization_id text NOT NULL,
  client_id       text NOT NULL,
  schema_type     text NOT NULL,
  file_name       text NOT NULL,
  format          text NOT NULL CHECK (format IN ('csv', 'json')),
  source          text NOT NULL CHECK (source IN ('sftp', 'http')),
  remote_address  text,
  instance_id     uuid NOT NULL,
  object_key      text NOT NULL,
  status          text NOT NULL DEFAULT 'RECEIVING'
                  CHECK (status IN ('RECEIVING', 'PENDING', 'PROCESSING', 'COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABANDONED')),
  size_bytes      bigint,
  sha256          bytea,
  duplicate_of    uuid,
  idempotency_key text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  -- Acknowledged: what decides which of two rows with one key is the later.
  received_at     timestamptz,
  started_at      timestamptz,
  completed_at    timestamptz,
  rows_total      bigint,
  rows_loaded     bigint,
  rows_unchanged  bigint,
  rows_rejected   bigint,
  warnings        jsonb NOT NULL DEFAULT '[]',
  retryable       boolean NOT NULL DEFAULT false,
  has_report      boolean NOT NULL DEFAULT false,
  -- The object of an abandoned upload has not been removed yet.
  discard_pending boolean NOT NULL DEFAULT false
);

CREATE INDEX uploads_by_organization ON piing.uploads (organization_id, id DESC);
CREATE INDEX uploads_by_content ON piing.uploads (organization_id, schema_type, sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX uploads_unfinished ON piing.uploads (instance_id) WHERE status = 'RECEIVING' OR discard_pending;
CREATE UNIQUE INDEX uploads_by_idempotency_key ON piing.uploads (organization_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL AND status <> 'ABANDONED';

-- What was wrong, in the file's order: ordinal 0 upwards, the whole file's faults first.
CREATE TABLE piing.upload_errors (
  upload_id   uuid NOT NULL REFERENCES piing.uploads ON DELETE CASCADE,
  ordinal     integer NOT NULL,
  line        bigint,
  column_name text,
  code        text NOT NULL,
  message     text NOT NULL,
  value       text,
  PRIMARY KEY (upload_id, ordinal)
);
