-- A later upload that brought every row of an earlier one again, as it is in the table: the rows stay where they are,
-- and count as received when the later one was. One row for each such earlier upload, for its latest repeat.
CREATE TABLE public.load_confirmations (
  organization_id text COLLATE "C" NOT NULL,
  schema_type     text NOT NULL,
  upload_id       uuid NOT NULL,
  confirmed_by    uuid NOT NULL,
  received_at     timestamptz NOT NULL,
  PRIMARY KEY (organization_id, schema_type, upload_id)
);
