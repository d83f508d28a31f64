import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from './store.ts'

/**
 * The schema, one step a version: a step that was released is never changed, a new one goes to the end. Each runs in its own transaction
 * together with the `user_version` that it leads to.
 */
export const migrations: readonly string[] = [
  `
  -- An issuer is shared by many certificates and kept once.
  CREATE TABLE issuer (
    key INTEGER PRIMARY KEY,
    der BLOB NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE certificate (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    der BLOB NOT NULL,
    issuer INTEGER REFERENCES issuer (key),
    name TEXT NOT NULL,
    sources TEXT NOT NULL,
    classification TEXT NOT NULL,
    must_staple INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    cert_id_key TEXT,
    responder TEXT NOT NULL
  ) STRICT;
  CREATE INDEX certificate_by_name ON certificate (name, id);
  CREATE INDEX certificate_by_cert_id_key ON certificate (cert_id_key);

  CREATE TABLE staple (
    certificate INTEGER PRIMARY KEY REFERENCES certificate (key) ON DELETE CASCADE,
    der BLOB NOT NULL,
    -- NULL where it is the same as der.
    received BLOB,
    produced_at INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    usable_until INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL,
    url TEXT NOT NULL
  ) STRICT;

  -- One row for each certificate that is classified ocsp, narrow, as it is written with every attempt. responder, must_staple and
  -- usable_until (0: no staple) are copies, for the indexes.
  CREATE TABLE schedule (
    certificate INTEGER PRIMARY KEY REFERENCES certificate (key) ON DELETE CASCADE,
    due_at INTEGER NOT NULL,
    -- 1: seen to be due, and not claimed since. Finds the most urgent of a million that are due without sorting them.
    ready INTEGER NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    last_attempt_at INTEGER,
    last_error TEXT,
    responder TEXT NOT NULL,
    must_staple INTEGER NOT NULL,
    usable_until INTEGER NOT NULL,
    urgency INTEGER NOT NULL GENERATED ALWAYS AS (CASE WHEN usable_until > 0 THEN 2 ELSE 1 - must_staple END) VIRTUAL
  ) STRICT;
  CREATE INDEX schedule_by_due_at ON schedule (ready, due_at);
  CREATE INDEX schedule_by_urgency ON schedule (responder, urgency, usable_until, due_at) WHERE ready = 1;
  CREATE INDEX schedule_by_usable_until ON schedule (usable_until);

  CREATE TABLE problem (
    key INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    problem TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- thisUpdate of the response that said revoked.
  ALTER TABLE schedule ADD COLUMN revoked_as_of INTEGER;
  -- When the responder last had nothing newer than the staple.
  ALTER TABLE schedule ADD COLUMN unchanged_at INTEGER;

  -- NULL where it is the same as fetched_at.
  ALTER TABLE staple ADD COLUMN served_from INTEGER;

  -- The staple that is served until served_from of the one in staple.
  CREATE TABLE former_staple (
    certificate INTEGER PRIMARY KEY REFERENCES certificate (key) ON DELETE CASCADE,
    der BLOB NOT NULL,
    received BLOB,
    produced_at INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    usable_until INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL,
    url TEXT NOT NULL,
    served_from INTEGER
  ) STRICT;

  -- usable_until of schedule is the greater one of staple and former_staple from here on.

  -- Apart from the certificates: what was seen of a responder stays when a certificate goes.
  CREATE TABLE attempt (
    responder TEXT NOT NULL,
    number INTEGER NOT NULL,
    certificate TEXT NOT NULL,
    certificate_age INTEGER NOT NULL,
    at INTEGER NOT NULL,
    elapsed INTEGER NOT NULL,
    method TEXT NOT NULL,
    connection TEXT NOT NULL,
    remote_address TEXT,
    status_code INTEGER,
    outcome TEXT NOT NULL,
    problem TEXT,
    this_update INTEGER,
    next_update INTEGER,
    PRIMARY KEY (responder, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE responder (
    responder TEXT NOT NULL PRIMARY KEY,
    validity INTEGER,
    renewal INTEGER,
    lag INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    health TEXT NOT NULL,
    health_since INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- The last change of each certificate or its staple, in their order: what the change feed reads.
  CREATE TABLE change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    certificate TEXT NOT NULL UNIQUE,
    removed INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX change_by_removal ON change (number) WHERE removed = 1;
  INSERT INTO change (certificate) SELECT id FROM certificate ORDER BY key;

  -- One row. id: numbers of another database mean other changes. forgotten: the number of the last removal that is no longer remembered.
  CREATE TABLE feed (id TEXT NOT NULL, forgotten INTEGER NOT NULL) STRICT;
  INSERT INTO feed VALUES (lower(hex(randomblob(8))), 0);

  -- Not INSERT OR REPLACE: in a trigger the statement that fired it says what a conflict does.
  CREATE TRIGGER certificate_added AFTER INSERT ON certificate BEGIN
    DELETE FROM change WHERE certificate = new.id;
    INSERT INTO change (certificate) VALUES (new.id);
  END;
  CREATE TRIGGER certificate_changed AFTER UPDATE ON certificate BEGIN
    DELETE FROM change WHERE certificate = new.id;
    INSERT INTO change (certificate) VALUES (new.id);
  END;
  CREATE TRIGGER certificate_removed AFTER DELETE ON certificate BEGIN
    DELETE FROM change WHERE certificate = old.id;
    INSERT INTO change (certificate, removed) VALUES (old.id, 1);
  END;
  CREATE TRIGGER staple_stored AFTER INSERT ON staple BEGIN
    DELETE FROM change WHERE certificate = (SELECT id FROM certificate WHERE key = new.certificate);
    INSERT INTO change (certificate) SELECT id FROM certificate WHERE key = new.certificate;
  END;
  -- Not where the certificate goes as well, which its own trigger tells.
  CREATE TRIGGER staple_withdrawn AFTER DELETE ON staple
  WHEN EXISTS (SELECT 1 FROM certificate WHERE key = old.certificate) BEGIN
    DELETE FROM change WHERE certificate = (SELECT id FROM certificate WHERE key = old.certificate);
    INSERT INTO change (certificate) SELECT id FROM certificate WHERE key = old.certificate;
  END;
  `,
  `
  -- How each output stands with each certificate.
  CREATE TABLE output_state (
    certificate INTEGER NOT NULL REFERENCES certificate (key) ON DELETE CASCADE,
    output TEXT NOT NULL,
    place TEXT NOT NULL,
    state TEXT NOT NULL,
    staple_sha256 TEXT,
    problem TEXT,
    since INTEGER NOT NULL,
    PRIMARY KEY (certificate, output, place)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE edge (
    name TEXT NOT NULL PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    version TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- How each certificate stands on each edge. Not bound to certificate: an edge may have some that the centre does not manage.
  CREATE TABLE edge_state (
    edge TEXT NOT NULL REFERENCES edge (name) ON DELETE CASCADE,
    certificate TEXT NOT NULL,
    staple_sha256 TEXT,
    since INTEGER NOT NULL,
    -- JSON, as encodedOutputState has it: read and written as a whole only.
    outputs TEXT NOT NULL,
    probed_at INTEGER,
    probe_outcome TEXT,
    PRIMARY KEY (edge, certificate)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX edge_state_by_certificate ON edge_state (certificate);
  `,
  `
  -- What the last check of each server found. certificate: its fingerprint, empty where none is known. Not bound to certificate: servers may
  -- have some that are not managed.
  CREATE TABLE probe_result (
    target TEXT NOT NULL,
    certificate TEXT NOT NULL,
    name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    problem TEXT,
    since INTEGER NOT NULL,
    checked_at INTEGER NOT NULL,
    handshakes INTEGER NOT NULL,
    stapled INTEGER NOT NULL,
    counted_since INTEGER NOT NULL,
    PRIMARY KEY (target, certificate)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- The response that said revoked. Where it was not kept yet, the CA is asked for it at once.
  ALTER TABLE schedule ADD COLUMN revocation BLOB;
  UPDATE schedule SET due_at = 0, ready = 0 WHERE revoked_as_of IS NOT NULL;

  CREATE TRIGGER revocation_changed AFTER UPDATE OF revocation ON schedule
  WHEN new.revocation IS NOT old.revocation BEGIN
    DELETE FROM change WHERE certificate = (SELECT id FROM certificate WHERE key = new.certificate);
    INSERT INTO change (certificate) SELECT id FROM certificate WHERE key = new.certificate;
  END;
  `,
  `
  -- Since when nobody seems to answer OCSP there any more.
  ALTER TABLE responder ADD COLUMN gone_since INTEGER;
  `,
]

/** Brings a database, which may be empty, to the newest schema. Throws a `StoreError` for one that is newer or not ours. */
export function migrate(database: DatabaseSync, steps: readonly string[] = migrations): void {
  let version = checkSchema(database, steps.length)
  while (version < steps.length) {
    database.exec('BEGIN IMMEDIATE')
    try {
      // Read again under the lock: another process may have been faster.
      version = schemaVersion(database)
      const step = steps[version]
      if (step !== undefined) {
        database.exec(step)
        database.exec(
          `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${++version}`,
        )
      }
      database.exec('COMMIT')
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }
}

/** The schema version of a database, 0 for an empty one. Throws a `StoreError` for one that is newer than `newest` or not ours. */
export function checkSchema(database: DatabaseSync, newest: number = migrations.length): number {
  const path = database.location() ?? ':memory:'
  const version = schemaVersion(database)
  if (number(database, 'PRAGMA application_id') !== APPLICATION_ID) {
    if (version === 0 && number(database, 'SELECT count(*) FROM sqlite_schema') === 0) return 0
    throw new StoreError(
      `${path} is a database of another program; name another data folder with --data`,
    )
  }
  if (version > newest) {
    throw new StoreError(
      `${path} has schema ${version}, this everstaple knows schemas up to ${newest}: a newer release wrote it; run that release or a later one, or name another data folder with --data`,
    )
  }
  return version
}

function schemaVersion(database: DatabaseSync): number {
  return number(database, 'PRAGMA user_version')
}

function number(database: DatabaseSync, query: string): number {
  const [value] = Object.values(database.prepare(query).get() ?? {})
  return Number(value)
}

/** `evst` in ASCII: tells our files from those of others (https://www.sqlite.org/fileformat2.html#application_id). */
const APPLICATION_ID = 0x65767374
