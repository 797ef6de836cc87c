-- The operator asks every minute who has uploaded since the last time.
CREATE INDEX uploads_by_receipt ON piing.uploads (received_at) WHERE received_at IS NOT NULL;
