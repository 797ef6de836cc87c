-- Who is told when an upload has ended. Written with the organization's other settings.
CREATE TABLE piing.webhook_endpoints (
  organization_id text NOT NULL REFERENCES piing.organizations ON DELETE CASCADE,
  name            text NOT NULL,
  url             text NOT NULL,
  events          text[] NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  -- The receiver has answered 410 Gone: it wants no more.
  disabled_at     timestamptz,
  -- The first failure since the last success.
  failing_since   timestamptz,
  PRIMARY KEY (organization_id, name)
);

-- In plain, because an HMAC is made of the secret itself. More than one row an endpoint only while a rotation overlaps.
CREATE TABLE piing.webhook_secrets (
  organization_id text NOT NULL,
  endpoint        text NOT NULL,
  secret          bytea NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  valid_until     timestamptz,
  PRIMARY KEY (organization_id, endpoint, secret),
  FOREIGN KEY (organization_id, endpoint) REFERENCES piing.webhook_endpoints ON DELETE CASCADE
);

-- One message to one endpoint: the queue while it is PENDING, the audit afterwards.
CREATE TABLE piing.webhook_deliveries (
  -- The webhook-id of every attempt.
  id              uuid PRIMARY KEY,
  organization_id text NOT NULL REFERENCES piing.organizations ON DELETE CASCADE,
  -- The name only: what was sent to an endpoint outlives its entry in the manifest.
  endpoint        text NOT NULL,
  -- Null: a test that an administrator asked for.
  upload_id       uuid REFERENCES piing.uploads ON DELETE CASCADE,
  type            text NOT NULL,
  -- The bytes that every attempt sends; null when the delivery has ended.
  body            text,
  state           text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DELIVERED', 'GIVEN_UP', 'CANCELLED')),
  attempts        integer NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL DEFAULT now(),
  -- When to try next. While claimed: when the claim ends, because whoever has it must be dead.
  due_at          timestamptz NOT NULL DEFAULT now(),
  claimed         boolean NOT NULL DEFAULT false,
  ended_at        timestamptz
);

CREATE INDEX webhook_deliveries_due ON piing.webhook_deliveries (organization_id, endpoint, due_at)
  WHERE state = 'PENDING';
CREATE INDEX webhook_deliveries_claimed ON piing.webhook_deliveries (organization_id, endpoint) WHERE claimed;
CREATE INDEX webhook_deliveries_ended ON piing.webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_organization ON piing.webhook_deliveries (organization_id, id DESC);
CREATE INDEX webhook_deliveries_by_upload ON piing.webhook_deliveries (upload_id);

-- What came of each attempt. One that a dying process made has no row, only its number is used up.
CREATE TABLE piing.webhook_attempts (
  delivery_id uuid NOT NULL REFERENCES piing.webhook_deliveries ON DELETE CASCADE,
  attempt     integer NOT NULL,
  at          timestamptz NOT NULL,
  -- Null: there was no answer.
  status_code integer,
  duration_ms integer NOT NULL,
  -- Null: delivered.
  error       text,
  PRIMARY KEY (delivery_id, attempt)
);
