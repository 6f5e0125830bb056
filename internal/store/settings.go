package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// maxSetting bounds a setting's value.
const maxSetting = 64 << 10

// Remember keeps a small value under a key, such as the port that an API got.
func (s *Stage) Remember(ctx context.Context, key, value string) error {
	if len(key) > 256 || len(value) > maxSetting {
		return fmt.Errorf("remembering %.64q: a key takes 256 bytes and a value %d", key, maxSetting)
	}
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO store_settings (key, value) VALUES (?, ?)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
		return err
	})
	if err != nil {
		return fmt.Errorf("remembering %q: %w", key, err)
	}
	return nil
}

// Recall gives the value kept under a key, and whether there is one.
func (s *Stage) Recall(ctx context.Context, key string) (value string, ok bool, err error) {
	err = s.db.Read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT value FROM store_settings WHERE key = ?`, key).Scan(&value)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("recalling %q: %w", key, err)
	}
	return value, true, nil
}
