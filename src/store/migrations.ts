/** The steps from an empty database to the present one; step n makes version n + 1. A released step is never changed, only followed. */
export const migrations: readonly string[] = [
  `
  -- An issuing CA has many certificates: its own is kept once.
  CREATE TABLE issuers (
    key INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    der BLOB NOT NULL
  ) STRICT;

  CREATE TABLE certificates (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    der BLOB NOT NULL,
    issuer INTEGER REFERENCES issuers (key),
    name TEXT NOT NULL,
    sources TEXT NOT NULL,
    classification TEXT NOT NULL,
    must_staple INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    cert_id_key TEXT,
    responder TEXT NOT NULL
  ) STRICT;
  CREATE INDEX certificates_by_name ON certificates (name, id);
  CREATE INDEX certificates_by_cert_id ON certificates (cert_id_key);
  CREATE INDEX certificates_by_issuer ON certificates (issuer);

  CREATE TABLE staples (
    certificate INTEGER PRIMARY KEY REFERENCES certificates (key) ON DELETE CASCADE,
    der BLOB NOT NULL,
    received BLOB NOT NULL,
    produced_at INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    usable_until INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL,
    url TEXT NOT NULL
  ) STRICT;

  -- Urgency: 0 must-staple without a staple, 1 others without, 2 must-staple with one, 3 others with one.
  CREATE TABLE schedules (
    certificate INTEGER PRIMARY KEY REFERENCES certificates (key) ON DELETE CASCADE,
    responder TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    usable_until INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    last_attempt_at INTEGER,
    last_error TEXT
  ) STRICT;
  CREATE INDEX schedules_due ON schedules (responder, due_at);
  CREATE INDEX schedules_urgent ON schedules (responder, urgency, usable_until, due_at);

  CREATE TABLE problems (
    path TEXT NOT NULL,
    problem TEXT NOT NULL
  ) STRICT;
  `,
]
