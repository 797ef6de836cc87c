-- The queue: one row for each upload that has to be processed, made in the transaction that acknowledges it and
-- deleted when the upload has its final status. What used up its tries stays as a dead letter, with the last fault.
CREATE TABLE piing.jobs (
  upload_id           uuid PRIMARY KEY REFERENCES piing.uploads ON DELETE CASCADE,
  organization_id     text COLLATE "C" NOT NULL,
  schema_type         text COLLATE "C" NOT NULL,
  lane                text COLLATE "C" NOT NULL CHECK (lane IN ('small', 'large', 'replay')),
  -- Bytes of the file and a fixed part for every file: what its organization is charged.
  cost                bigint NOT NULL,
  created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Not before; later than created_at after a failed try.
  run_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts            integer NOT NULL DEFAULT 0,
  -- A new one for each try: whoever lost it can no longer complete or fail the job.
  claim_id            uuid,
  worker              text,
  claimed_at          timestamptz,
  heartbeat_at        timestamptz,
  cancel_requested_at timestamptz,
  dead_at             timestamptz,
  last_error          text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

CREATE INDEX jobs_waiting ON piing.jobs (organization_id, schema_type, lane, run_at)
  WHERE claim_id IS NULL AND dead_at IS NULL;
CREATE INDEX jobs_running ON piing.jobs (organization_id, schema_type, lane) WHERE claim_id IS NOT NULL;

-- What each organization was served lately. Written at every claim: without an index to keep, the update stays small.
CREATE TABLE piing.job_shares (
  organization_id text COLLATE "C" PRIMARY KEY,
  -- Cost, halved with every minute since used_at.
  used            double precision NOT NULL,
  used_at         timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Every acknowledged upload that has not ended has a job; workers look for one that lacks it.
CREATE INDEX uploads_unprocessed ON piing.uploads (received_at) WHERE status IN ('PENDING', 'PROCESSING');
