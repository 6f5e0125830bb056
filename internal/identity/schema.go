package identity

import "github.com/doorwright/doorwright/internal/store"

// Migrations gives the tables of identity pools, in order.
func Migrations() []store.Migration {
	return []store.Migration{{Room: "identity", Version: 1, SQL: schema1}}
}

// schema1 keeps times as milliseconds since the epoch.
//
// The key of identity_login makes a login one identity's: two first sign-ins of
// one user cannot both make an identity. An identity that was merged into another
// names that as its parent, which has no parent itself. A guest has never had a
// login; who had one and has none any more is nobody's.
const schema1 = `
CREATE TABLE identity_pool (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL,
  region  TEXT NOT NULL,
  created INTEGER NOT NULL,
  added   TEXT
) STRICT;

CREATE TABLE identity_key (
  region  TEXT PRIMARY KEY,
  pkcs8   BLOB NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE identity_identity (
  id       TEXT PRIMARY KEY,
  pool     TEXT NOT NULL REFERENCES identity_pool(id) ON DELETE CASCADE,
  guest    INTEGER NOT NULL,
  parent   TEXT REFERENCES identity_identity(id) ON DELETE CASCADE,
  created  INTEGER NOT NULL,
  modified INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_identity_pool ON identity_identity (pool, id);
CREATE INDEX identity_identity_parent ON identity_identity (parent);

CREATE TABLE identity_login (
  pool      TEXT NOT NULL REFERENCES identity_pool(id) ON DELETE CASCADE,
  provider  TEXT NOT NULL,
  subject   TEXT NOT NULL,
  identity  TEXT NOT NULL REFERENCES identity_identity(id) ON DELETE CASCADE,
  developer INTEGER NOT NULL,
  PRIMARY KEY (pool, provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_login_identity ON identity_login (identity, provider, subject);
`
