-- Failed logins and bans, in the form of rate-limiter-flexible. Worth nothing after a crash, and written on every
-- failure: unlogged.
CREATE UNLOGGED TABLE piing.login_throttle (
  key    varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
CREATE INDEX login_throttle_expire ON piing.login_throttle (expire);
