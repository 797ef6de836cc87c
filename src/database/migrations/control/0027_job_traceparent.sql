-- The W3C trace context of the upload's receipt, so that its processing goes on with the same trace. Null: no traces.
ALTER TABLE piing.jobs ADD COLUMN traceparent text COLLATE "C";
