-- One row for each upload whose rows are in the tables, written by the transaction that merged them:
-- a second run of the same upload finds it and changes nothing.
CREATE TABLE public.load_ledger (
  organization_id text COLLATE "C" NOT NULL,
  upload_id       uuid NOT NULL,
  schema_type     text NOT NULL,
  received_at     timestamptz NOT NULL,
  rows_loaded     bigint NOT NULL,
  rows_unchanged  bigint NOT NULL,
  loaded_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, upload_id)
);
