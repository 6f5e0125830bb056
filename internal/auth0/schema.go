package auth0

import "github.com/doorwright/doorwright/internal/store"

// Migrations gives the room's tables, in order.
func Migrations() []store.Migration {
	return []store.Migration{{Room: "auth0", Version: 1, SQL: schema1}, {Room: "auth0", Version: 2, SQL: schema2}, {Room: "auth0", Version: 3, SQL: schema3},
		{Room: "auth0", Version: 4, SQL: schema4}, {Room: "auth0", Version: 5, SQL: schema5}}
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

// schema2 makes users, roles and APIs rows. entry is the fingerprint of what was
// declared when the row was made or last overwritten by the declaration, empty for
// what requests made. A user of the first version has no password and no entry's
// password that fits: its declaration is applied at the next start.
const schema2 = `
ALTER TABLE auth0_user RENAME TO auth0_user_1;
CREATE TABLE auth0_user (
  tenant         TEXT NOT NULL,
  id             TEXT NOT NULL,
  email          TEXT NOT NULL,
  email_verified INTEGER NOT NULL,
  name           TEXT NOT NULL,
  nickname       TEXT NOT NULL,
  given_name     TEXT NOT NULL,
  family_name    TEXT NOT NULL,
  picture        TEXT NOT NULL,
  user_metadata  TEXT NOT NULL,
  app_metadata   TEXT NOT NULL,
  blocked        INTEGER NOT NULL,
  created        INTEGER NOT NULL,
  updated        INTEGER NOT NULL,
  last_login     INTEGER NOT NULL,
  last_ip        TEXT NOT NULL,
  logins         INTEGER NOT NULL,
  password_reset INTEGER NOT NULL,
  salt           BLOB NOT NULL,
  iterations     INTEGER NOT NULL,
  hash           BLOB NOT NULL,
  declared       TEXT NOT NULL,
  entry          BLOB NOT NULL,
  entry_salt     BLOB NOT NULL,
  entry_iterations INTEGER NOT NULL,
  entry_hash     BLOB NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX auth0_user_email ON auth0_user (tenant, email);
CREATE INDEX auth0_user_created ON auth0_user (tenant, created, id);
INSERT INTO auth0_user
  SELECT tenant, id, email, 0, '', '', '', '', '', '{}', '{}', 0, updated, updated, 0, '', 0, 0, x'', 0, x'', email, x'', x'', 0, x'' FROM auth0_user_1;
DROP TABLE auth0_user_1;

CREATE TABLE auth0_declared (
  tenant     TEXT PRIMARY KEY,
  salt       BLOB NOT NULL,
  iterations INTEGER NOT NULL,
  hash       BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE auth0_role (
  tenant      TEXT NOT NULL,
  id          TEXT NOT NULL,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  entry       BLOB NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX auth0_role_name ON auth0_role (tenant, name);

CREATE TABLE auth0_role_permission (
  tenant     TEXT NOT NULL,
  role       TEXT NOT NULL,
  audience   TEXT NOT NULL,
  permission TEXT NOT NULL,
  PRIMARY KEY (tenant, role, audience, permission),
  FOREIGN KEY (tenant, role) REFERENCES auth0_role (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE auth0_user_role (
  tenant TEXT NOT NULL,
  user   TEXT NOT NULL,
  role   TEXT NOT NULL,
  PRIMARY KEY (tenant, user, role),
  FOREIGN KEY (tenant, user) REFERENCES auth0_user (tenant, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant, role) REFERENCES auth0_role (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX auth0_user_role_role ON auth0_user_role (tenant, role, user);

CREATE TABLE auth0_user_permission (
  tenant     TEXT NOT NULL,
  user       TEXT NOT NULL,
  audience   TEXT NOT NULL,
  permission TEXT NOT NULL,
  PRIMARY KEY (tenant, user, audience, permission),
  FOREIGN KEY (tenant, user) REFERENCES auth0_user (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE auth0_api (
  tenant     TEXT NOT NULL,
  id         TEXT NOT NULL,
  identifier TEXT NOT NULL,
  name       TEXT NOT NULL,
  rbac       INTEGER NOT NULL,
  dialect    TEXT NOT NULL,
  offline    INTEGER NOT NULL,
  lifetime   INTEGER NOT NULL,
  entry      BLOB NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX auth0_api_identifier ON auth0_api (tenant, identifier);

CREATE TABLE auth0_api_permission (
  tenant      TEXT NOT NULL,
  api         TEXT NOT NULL,
  position    INTEGER NOT NULL,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  PRIMARY KEY (tenant, api, name),
  FOREIGN KEY (tenant, api) REFERENCES auth0_api (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
`

// schema3 keeps what links in mails stand for, as a hash, one of a purpose for a
// user; and what users let applications have.
const schema3 = `
CREATE TABLE auth0_ticket (
  tenant  TEXT NOT NULL,
  user    TEXT NOT NULL,
  purpose TEXT NOT NULL,
  hash    BLOB NOT NULL,
  email   TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (tenant, user, purpose),
  FOREIGN KEY (tenant, user) REFERENCES auth0_user (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX auth0_ticket_hash ON auth0_ticket (hash);
CREATE INDEX auth0_ticket_expires ON auth0_ticket (expires);

CREATE TABLE auth0_consent (
  tenant   TEXT NOT NULL,
  user     TEXT NOT NULL,
  client   TEXT NOT NULL,
  audience TEXT NOT NULL,
  scope    TEXT NOT NULL,
  PRIMARY KEY (tenant, user, client, audience),
  FOREIGN KEY (tenant, user) REFERENCES auth0_user (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
`

// schema4 keeps what an Action said of a sign-in, for its tokens.
const schema4 = `ALTER TABLE auth0_grant ADD COLUMN outcome TEXT NOT NULL DEFAULT '{}';`

// schema5 is what the Management API makes beside what is declared. The number of
// a row is its place in lists, so that a walk through the pages of a list shows
// each row that was there from its beginning to its end, and each once.
const schema5 = `
CREATE TABLE auth0_application (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant   TEXT NOT NULL,
  id       TEXT NOT NULL,
  secret   TEXT NOT NULL,
  settings TEXT NOT NULL,
  UNIQUE (tenant, id)
) STRICT;

CREATE TABLE auth0_client_grant (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant   TEXT NOT NULL,
  id       TEXT NOT NULL,
  client   TEXT NOT NULL,
  audience TEXT NOT NULL,
  scope    TEXT NOT NULL,
  UNIQUE (tenant, id),
  UNIQUE (tenant, client, audience)
) STRICT;

ALTER TABLE auth0_user ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE auth0_user SET number = (
  SELECT count(*) FROM auth0_user o WHERE o.tenant = auth0_user.tenant AND (o.created, o.id) <= (auth0_user.created, auth0_user.id));
CREATE INDEX auth0_user_number ON auth0_user (tenant, number);
ALTER TABLE auth0_user_role ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE auth0_user_role SET number = (
  SELECT count(*) FROM auth0_user_role o WHERE o.tenant = auth0_user_role.tenant AND o.role = auth0_user_role.role AND o.user <= auth0_user_role.user);
CREATE INDEX auth0_user_role_number ON auth0_user_role (tenant, role, number);
ALTER TABLE auth0_role ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE auth0_role SET number = (SELECT count(*) FROM auth0_role o WHERE o.tenant = auth0_role.tenant AND o.name <= auth0_role.name);
ALTER TABLE auth0_api ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE auth0_api SET number = (SELECT count(*) FROM auth0_api o WHERE o.tenant = auth0_api.tenant AND o.id <= auth0_api.id);
`
