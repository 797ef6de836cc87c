-- What the door had to remark of a file that it acknowledged; the pipeline adds its own, each time that it runs.
ALTER TABLE piing.uploads ADD COLUMN received_warnings jsonb NOT NULL DEFAULT '[]';
