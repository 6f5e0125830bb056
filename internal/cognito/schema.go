package cognito

import "github.com/doorwright/doorwright/internal/store"

// Migrations gives the tables of user pools, in order.
func Migrations() []store.Migration {
	return []store.Migration{
		{Room: "cognito", Version: 1, SQL: schema1},
		{Room: "cognito", Version: 2, SQL: schema2},
		{Room: "cognito", Version: 3, SQL: schemaCustom},
		{Room: "cognito", Version: 4, SQL: schemaRotation},
		{Room: "cognito", Version: 5, SQL: schemaGroups},
		{Room: "cognito", Version: 6, SQL: schemaAdded},
		{Room: "cognito", Version: 7, SQL: schemaScope},
		{Room: "cognito", Version: 8, SQL: schemaMFA},
		{Room: "cognito", Version: 9, SQL: schemaIdentity},
	}
}

// schema1 keeps times as milliseconds since the epoch.
//
// Every name by which a user can be found (username, sub, aliases) is a row of
// cognito_name, whose key makes it one user's: two sign-ups for the same
// address cannot both commit. cognito_search holds the attributes that
// ListUsers can filter by, so that a filter is an index range.
const schema1 = `
CREATE TABLE cognito_pool (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL,
  region  TEXT NOT NULL,
  secret  BLOB NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (name, region)
) STRICT;

CREATE TABLE cognito_client (
  id      TEXT PRIMARY KEY,
  pool    TEXT NOT NULL REFERENCES cognito_pool(id) ON DELETE CASCADE,
  name    TEXT NOT NULL,
  secret  TEXT NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (pool, name)
) STRICT;

CREATE TABLE cognito_key (
  pool    TEXT NOT NULL REFERENCES cognito_pool(id) ON DELETE CASCADE,
  use     TEXT NOT NULL,
  pkcs8   BLOB NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (pool, use)
) STRICT;

CREATE TABLE cognito_user (
  pool         TEXT NOT NULL REFERENCES cognito_pool(id) ON DELETE CASCADE,
  sub          TEXT NOT NULL,
  username     TEXT NOT NULL,
  status       TEXT NOT NULL,
  enabled      INTEGER NOT NULL,
  salt         BLOB NOT NULL,
  verifier     BLOB NOT NULL,
  password_set INTEGER NOT NULL,
  created      INTEGER NOT NULL,
  modified     INTEGER NOT NULL,
  attributes   TEXT NOT NULL,
  PRIMARY KEY (pool, sub)
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_user_username ON cognito_user (pool, username, sub);
CREATE INDEX cognito_user_status ON cognito_user (pool, status, sub);
CREATE INDEX cognito_user_enabled ON cognito_user (pool, enabled, sub);

CREATE TABLE cognito_name (
  pool TEXT NOT NULL,
  key  TEXT NOT NULL,
  kind TEXT NOT NULL,
  sub  TEXT NOT NULL,
  PRIMARY KEY (pool, key),
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_name_sub ON cognito_name (pool, sub);

CREATE TABLE cognito_search (
  pool  TEXT NOT NULL,
  sub   TEXT NOT NULL,
  name  TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (pool, sub, name),
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_search_value ON cognito_search (pool, name, value, sub);

CREATE TABLE cognito_code (
  pool      TEXT NOT NULL,
  sub       TEXT NOT NULL,
  purpose   TEXT NOT NULL,
  attribute TEXT NOT NULL,
  mac       BLOB NOT NULL,
  expires   INTEGER NOT NULL,
  PRIMARY KEY (pool, sub, purpose),
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE cognito_attempt (
  pool    TEXT NOT NULL,
  subject TEXT NOT NULL,
  kind    TEXT NOT NULL,
  count   INTEGER NOT NULL,
  since   INTEGER NOT NULL,
  until   INTEGER NOT NULL,
  PRIMARY KEY (pool, subject, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_attempt_until ON cognito_attempt (until);

CREATE TABLE cognito_session (
  hash      BLOB PRIMARY KEY,
  pool      TEXT NOT NULL,
  client    TEXT NOT NULL,
  sub       TEXT NOT NULL,
  challenge TEXT NOT NULL,
  expires   INTEGER NOT NULL,
  used      INTEGER NOT NULL,
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_session_user ON cognito_session (pool, sub);
CREATE INDEX cognito_session_expires ON cognito_session (expires);

CREATE TABLE cognito_grant (
  event      TEXT PRIMARY KEY,
  origin_jti TEXT NOT NULL,
  pool       TEXT NOT NULL,
  client     TEXT NOT NULL,
  sub        TEXT NOT NULL,
  refresh    BLOB NOT NULL UNIQUE,
  auth_time  INTEGER NOT NULL,
  expires    INTEGER NOT NULL,
  revoked    INTEGER NOT NULL,
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_grant_user ON cognito_grant (pool, sub);
CREATE INDEX cognito_grant_expires ON cognito_grant (expires);
`

// schema2 keeps hashes of what may be used once and is kept nowhere else.
const schema2 = `
CREATE TABLE cognito_used (
  hash    BLOB PRIMARY KEY,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_used_expires ON cognito_used (expires);
`

// schemaRotation keeps the refresh tokens of a grant beside its first: until
// is 0 for one that is good, and when it was usable for one that was rotated
// out. Those stay as long as the grant does, so that their use is noticed.
const schemaRotation = `
CREATE TABLE cognito_refresh (
  hash  BLOB PRIMARY KEY,
  event TEXT NOT NULL REFERENCES cognito_grant(event) ON DELETE CASCADE,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_refresh_event ON cognito_refresh (event);
`

// schemaGroups keeps a pool's groups and who is in them. owner says whether the
// declaration owns the record.
const schemaGroups = `
CREATE TABLE cognito_group (
  pool        TEXT NOT NULL REFERENCES cognito_pool(id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  role        TEXT NOT NULL,
  precedence  INTEGER,
  owner       INTEGER NOT NULL,
  created     INTEGER NOT NULL,
  modified    INTEGER NOT NULL,
  PRIMARY KEY (pool, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE cognito_member (
  pool TEXT NOT NULL,
  sub  TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (pool, sub, name),
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE,
  FOREIGN KEY (pool, name) REFERENCES cognito_group(pool, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_member_group ON cognito_member (pool, name, sub);
`

// schemaAdded keeps what requests say of pools and clients, as JSON: of a
// declared pool what was added to it, of one that a request made all of it.
const schemaAdded = `
ALTER TABLE cognito_pool ADD COLUMN added TEXT;
ALTER TABLE cognito_client ADD COLUMN added TEXT;
`

// schemaScope keeps what was granted at the pool's domain; "" is a sign-in
// through the API.
const schemaScope = `
ALTER TABLE cognito_grant ADD COLUMN scope TEXT NOT NULL DEFAULT '';
`

// schemaIdentity keeps by which subject a provider knows a user.
const schemaIdentity = `
CREATE TABLE cognito_identity (
  pool     TEXT NOT NULL,
  provider TEXT NOT NULL,
  subject  TEXT NOT NULL,
  sub      TEXT NOT NULL,
  PRIMARY KEY (pool, provider, subject),
  FOREIGN KEY (pool, sub) REFERENCES cognito_user(pool, sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cognito_identity_user ON cognito_identity (pool, sub);
`
