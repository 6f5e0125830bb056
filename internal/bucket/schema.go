package bucket

import "github.com/doorwright/doorwright/internal/store"

// Migrations give the room's tables.
func Migrations() []store.Migration {
	return []store.Migration{
		// Keys are blobs: they are ordered and told apart byte by byte, and may
		// hold any byte. An object's bytes are those of its segments in their
		// order: one for an object that was put, one for each part of one that was
		// uploaded in parts.
		{Room: "bucket", Version: 1, SQL: `
			CREATE TABLE bucket_object (
				id       INTEGER PRIMARY KEY AUTOINCREMENT,
				bucket   TEXT NOT NULL,
				key      BLOB NOT NULL,
				size     INTEGER NOT NULL,
				etag     TEXT NOT NULL,
				modified INTEGER NOT NULL,
				parts    INTEGER NOT NULL,
				sum      TEXT NOT NULL,
				meta     TEXT NOT NULL,
				tags     TEXT NOT NULL,
				upload   TEXT NOT NULL,
				UNIQUE (bucket, key)
			) STRICT;
			CREATE TABLE bucket_segment (
				object INTEGER NOT NULL REFERENCES bucket_object (id) ON DELETE CASCADE,
				n      INTEGER NOT NULL,
				blob   TEXT NOT NULL,
				size   INTEGER NOT NULL,
				sum    TEXT NOT NULL,
				PRIMARY KEY (object, n)
			) STRICT, WITHOUT ROWID;
			CREATE TABLE bucket_upload (
				id        TEXT PRIMARY KEY,
				bucket    TEXT NOT NULL,
				key       BLOB NOT NULL,
				initiated INTEGER NOT NULL,
				initiator TEXT NOT NULL,
				algorithm TEXT NOT NULL,
				type      TEXT NOT NULL,
				meta      TEXT NOT NULL,
				tags      TEXT NOT NULL
			) STRICT, WITHOUT ROWID;
			CREATE INDEX bucket_upload_key ON bucket_upload (bucket, key, id);
			CREATE TABLE bucket_part (
				upload   TEXT NOT NULL REFERENCES bucket_upload (id) ON DELETE CASCADE,
				n        INTEGER NOT NULL,
				blob     TEXT NOT NULL,
				size     INTEGER NOT NULL,
				etag     TEXT NOT NULL,
				modified INTEGER NOT NULL,
				sum      TEXT NOT NULL,
				PRIMARY KEY (upload, n)
			) STRICT, WITHOUT ROWID;
			CREATE TABLE bucket_made (
				name TEXT PRIMARY KEY,
				made INTEGER NOT NULL
			) STRICT, WITHOUT ROWID;`},
	}
}
