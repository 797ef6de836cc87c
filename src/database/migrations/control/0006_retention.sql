-- When the raw file of an upload was given up to retention: it can no longer be run again.
ALTER TABLE piing.uploads ADD COLUMN raw_removed_at timestamptz;

-- Objects that nothing refers to any more and that have to leave the raw store. Written by the transaction that
-- takes the reference away, so that a crash in between leaves neither a promise of a file that is gone nor a file
-- that nobody knows of.
CREATE TABLE piing.removals (
  object_key   text COLLATE "C" PRIMARY KEY,
  -- Without a reference: its record may be gone.
  upload_id    uuid NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now()
);

-- One row a night: what was removed, and that it need not be done again before the next.
CREATE TABLE piing.retention_runs (
  started_at  timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
  finished_at timestamptz,
  removed     jsonb NOT NULL DEFAULT '{}'
);
-- An upgrade at noon removes nothing before the night: there is time to set other limits.
INSERT INTO piing.retention_runs (finished_at) VALUES (now());

CREATE INDEX removals_by_upload ON piing.removals (upload_id);

-- What each step looks for, oldest first.
CREATE INDEX uploads_raw_files ON piing.uploads (received_at) WHERE raw_removed_at IS NULL AND received_at IS NOT NULL;
CREATE INDEX uploads_reports ON piing.uploads (completed_at) WHERE has_report;
CREATE INDEX uploads_ended ON piing.uploads (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX uploads_keyed ON piing.uploads (created_at) WHERE idempotency_key IS NOT NULL;
