package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Migration is one step of a room's tables. A step that has been released is
// never changed; a new one is added behind it.
type Migration struct {
	// Room is the room's name, the same in all its steps and for ever.
	Room string
	// Version is 1 for a room's first step, 2 for its second, without a gap.
	Version int
	// SQL is one or more statements. They run in one transaction, together with
	// the record that they ran, and must not begin or end one.
	SQL string
}

// ownRoom is the room of the tables that belong to this package.
const ownRoom = "store"

func ownMigrations() []Migration {
	return []Migration{{Room: ownRoom, Version: 1, SQL: `
		CREATE TABLE store_settings (
			key   TEXT PRIMARY KEY,
			value TEXT NOT NULL
		) STRICT, WITHOUT ROWID;`}}
}

// checkMigrations says whether each room's versions are 1, 2, 3 and so on.
func checkMigrations(all []Migration) error {
	var bad []error
	last := map[string]int{}
	for _, m := range all {
		switch {
		case m.Room == "" || m.Room == ownRoom:
			bad = append(bad, fmt.Errorf("migration of room %q: a room needs a name of its own", m.Room))
		case m.Version != last[m.Room]+1:
			bad = append(bad, fmt.Errorf("migration %s %d: the version after %d is %d", m.Room, m.Version, last[m.Room], last[m.Room]+1))
		case m.SQL == "":
			bad = append(bad, fmt.Errorf("migration %s %d has no SQL", m.Room, m.Version))
		}
		last[m.Room] = max(last[m.Room], m.Version)
	}
	return errors.Join(bad...)
}

// migrate brings the database up to the given migrations. Each runs in one
// transaction with the record that it ran, so that a kill at any moment leaves
// a database from which the next start goes on.
func migrate(ctx context.Context, db *DB, all []Migration, now func() time.Time) error {
	err := db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			CREATE TABLE IF NOT EXISTS store_migrations (
				room    TEXT NOT NULL,
				version INTEGER NOT NULL,
				at      TEXT NOT NULL,
				PRIMARY KEY (room, version)
			) STRICT, WITHOUT ROWID`)
		return err
	})
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	applied, err := appliedVersions(ctx, db)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if err := checkApplied(db.dir, applied, all); err != nil {
		return err
	}
	for _, m := range all {
		if m.Version <= applied[m.Room] {
			continue
		}
		err := db.Write(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, m.SQL); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO store_migrations (room, version, at) VALUES (?, ?, ?)`,
				m.Room, m.Version, now().UTC().Format(time.RFC3339))
			return err
		})
		if err != nil {
			return fmt.Errorf("migrating %s to version %d: %w", m.Room, m.Version, err)
		}
	}
	return nil
}

// appliedVersions gives each room's version in the database.
func appliedVersions(ctx context.Context, db *DB) (map[string]int, error) {
	applied := map[string]int{}
	err := db.Read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT room, version FROM store_migrations ORDER BY room, version`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var room string
			var version int
			if err := rows.Scan(&room, &version); err != nil {
				return err
			}
			if version != applied[room]+1 {
				return damaged(db.dir, fmt.Errorf("the record of room %s goes from version %d to %d", room, applied[room], version))
			}
			applied[room] = version
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return applied, nil
}

// checkApplied refuses a database that knows more than we do.
func checkApplied(dir string, applied map[string]int, all []Migration) error {
	known := map[string]int{}
	for _, m := range all {
		known[m.Room] = m.Version
	}
	var rooms []string
	for room := range applied {
		if applied[room] > known[room] {
			rooms = append(rooms, fmt.Sprintf("%s version %d (known: %d)", room, applied[room], known[room]))
		}
	}
	if len(rooms) == 0 {
		return nil
	}
	slices.Sort(rooms)
	return &Error{
		Path:    dir,
		Problem: fmt.Sprintf("was written by a newer doorwright: it holds %v", rooms),
		Fix:     fmt.Sprintf("update doorwright, or move %s away to begin the stage afresh", dir),
	}
}
