package auth0

import "github.com/doorwright/doorwright/internal/store"

// Migrations gives the room's tables, in order.
func Migrations() []store.Migration {
	return []store.Migration{{Room: "auth0", Version: 1, SQL: schema1}}
}

// schema1 keeps times as milliseconds since the epoch. A refresh token that was
// used stays until its grant is swept, so that its second use is noticed.
const schema1 = `
CREATE TABLE auth0_tenant (
  name   TEXT PRIMARY KEY,
  secret BLOB NOT NULL,
  pkcs8  BLOB NOT NULL,
  cert   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE auth0_client (
  tenant TEXT NOT NULL,
  name   TEXT NOT NULL,
  id     TEXT NOT NULL,
  secret TEXT NOT NULL,
  PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE auth0_user (
  tenant  TEXT NOT NULL,
  email   TEXT NOT NULL,
  id      TEXT NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY (tenant, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE auth0_grant (
  id        TEXT PRIMARY KEY,
  tenant    TEXT NOT NULL,
  client    TEXT NOT NULL,
  subject   TEXT NOT NULL,
  audience  TEXT NOT NULL,
  scope     TEXT NOT NULL,
  sid       TEXT NOT NULL,
  auth_time INTEGER NOT NULL,
  tell_time INTEGER NOT NULL,
  revoked   INTEGER NOT NULL,
  expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth0_grant_expires ON auth0_grant (expires);
CREATE INDEX auth0_grant_subject ON auth0_grant (tenant, client, subject, expires);

CREATE TABLE auth0_refresh (
  hash   BLOB PRIMARY KEY,
  family TEXT NOT NULL REFERENCES auth0_grant (id) ON DELETE CASCADE,
  used   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX auth0_refresh_family ON auth0_refresh (family);
`
