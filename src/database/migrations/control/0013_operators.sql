-- Installs of the operator that use this database. Two that look after the same namespaces would each close the doors
-- of what only the other one knows.
CREATE TABLE piing.operators (
  -- The UID of the install's Lease.
  id         text PRIMARY KEY,
  -- Null: all.
  namespaces text[],
  -- False: it has to leave its namespaces to another one, and writes nothing.
  in_charge  boolean NOT NULL,
  -- Grows with every process of the install that begins to lead, also over a restore of this database: it begins with
  -- the time. What a process of an earlier term still has open is refused.
  term       bigint NOT NULL,
  host       text NOT NULL,
  since      timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now()
);

-- Asked at the beginning of every transaction of an operator. The lock lets a new leader wait for what the former one
-- has open, and each statement of a function sees what was committed before it: the term after the lock is the term.
CREATE FUNCTION piing.operator_may_write(operator_id text, its_term bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7409283654);
  RETURN EXISTS (SELECT FROM piing.operators o WHERE o.id = operator_id AND o.in_charge AND o.term <= its_term);
END $$;

-- The state of the resource that a row was written from; an older one of the same resource is refused. Null: a file.
ALTER TABLE piing.organizations ADD COLUMN resource_uid text, ADD COLUMN resource_generation bigint;
ALTER TABLE piing.schema_enablements ADD COLUMN resource_uid text, ADD COLUMN resource_generation bigint;
