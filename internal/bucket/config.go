package bucket

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/iam"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/sigv4"
)

// Config says which buckets there are, and what the room stands on.
type Config struct {
	// Region and AccountID are the stage's. Required.
	Region, AccountID string
	// Buckets are the declared ones.
	Buckets []BucketConfig
	// DB is the stage's database, with [Migrations] applied. Required.
	DB *store.DB
	// Dir is the folder of the objects' bytes, which is the room's own. Required.
	Dir string
	// Account knows keys and decides. Required.
	Account Account
	// BucketsByRequest lets the account's root make and delete buckets by
	// requests. Without it they come from the declaration alone.
	BucketsByRequest bool
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Log is told of each request. Nobody is told if nil.
	Log func(Event)
	// Explain gives an error of a file the fix that a user needs, if it has one.
	Explain func(error) error
}

// BucketConfig is a declared bucket.
type BucketConfig struct {
	// Name is the bucket's name on the wire.
	Name string
	// CORS are its rules; the first that matches a request counts.
	CORS []CORSRule
}

// Event tells of a request that was answered.
type Event struct {
	// The request id is S3's. The Reason has the Message in it.
	aws.Outcome
	Bucket string
	Key    string
	Status int
	// NotEmulated says that the operation is one of S3's that is not played.
	NotEmulated bool
	// Form is where the signature was, in the headers, the query or a form; "" for
	// nobody's.
	Form sigv4.Form
	// Decisions are what the policies said of each action and resource.
	Decisions []*iam.Evidence
}

// Fault says that the room, and not the client, is to blame.
func (e Event) Fault() bool { return e.Code == codeInternalError }

// String is one line for a terminal.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString("s3 " + e.Operation)
	if e.Bucket != "" {
		fmt.Fprintf(&b, " %.100q", e.Bucket+"/"+e.Key)
	}
	if e.Caller != "" {
		b.WriteString(" by " + e.Caller)
	}
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, ": %.500q", e.Reason)
	}
	if e.NotEmulated {
		b.WriteString(": this version does not run this operation")
	}
	return b.String()
}

// Service plays the buckets of one stage. It is an http.Handler.
type Service struct {
	cfg   Config
	shelf *shelf
	// buckets are those that there are, by name. They are replaced whole.
	buckets atomic.Pointer[map[string]*bucket]
	// making is held while a bucket is made or deleted.
	making sync.Mutex
}

// bucket is one that there is. It does not change.
type bucket struct {
	name     string
	cors     []CORSRule
	made     time.Time
	declared bool
}

// bucketName is what S3 takes for a name
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// addressForm is what looks like an IPv4 address, which no bucket is called.
var addressForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$`)

// ValidName says whether S3 would take a name for a bucket.
func ValidName(name string) bool {
	return bucketName.MatchString(name) && !addressForm.MatchString(name) && !strings.Contains(name, "..") &&
		!strings.HasPrefix(name, "xn--") && !strings.HasSuffix(name, "-s3alias")
}

// New validates the configuration and gives a Service that has done nothing
// yet. Every problem is in the error.
func New(cfg Config) (*Service, error) {
	var bad []error
	if cfg.Region == "" || cfg.AccountID == "" || cfg.DB == nil || cfg.Dir == "" || cfg.Account == nil {
		bad = append(bad, errors.New("one of Region, AccountID, DB, Dir and Account is missing"))
	}
	seen := map[string]bool{}
	for _, b := range cfg.Buckets {
		if !ValidName(b.Name) {
			bad = append(bad, fmt.Errorf("%.100q is not a name for a bucket", b.Name))
		}
		if seen[b.Name] {
			bad = append(bad, fmt.Errorf("bucket %s is there twice", b.Name))
		}
		seen[b.Name] = true
		for i, r := range b.CORS {
			if err := r.validate(); err != nil {
				bad = append(bad, fmt.Errorf("bucket %s, CORS rule %d: %w", b.Name, i+1, err))
			}
		}
	}
	if err := errors.Join(bad...); err != nil {
		return nil, fmt.Errorf("configuring buckets: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = func(Event) {}
	}
	if cfg.Explain == nil {
		cfg.Explain = func(err error) error { return err }
	}
	return &Service{cfg: cfg, shelf: newShelf(cfg.Dir)}, nil
}

// Open reads which buckets there are and deletes what a crash has left. It must
// return before the first request. What a bucket holds that is no longer
// declared stays, out of reach, until it is declared again.
func (s *Service) Open(ctx context.Context) error {
	declared := map[string]*bucket{}
	for _, b := range s.cfg.Buckets {
		declared[b.Name] = &bucket{name: b.Name, cors: b.CORS, declared: true}
	}
	all, known := map[string]*bucket{}, map[string]struct{}{}
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		clear(known)
		all = maps.Clone(declared)
		for name := range declared {
			if _, err := tx.ExecContext(ctx, `INSERT INTO bucket_made (name, made) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, s.cfg.Now().Unix()); err != nil {
				return err
			}
		}
		if err := s.readBuckets(ctx, tx, all); err != nil {
			return err
		}
		return readBlobs(ctx, tx, known)
	})
	if err != nil {
		return fmt.Errorf("opening buckets: %w", err)
	}
	if err := s.shelf.open(known); err != nil {
		return fmt.Errorf("opening buckets: %w", s.cfg.Explain(err))
	}
	s.buckets.Store(&all)
	return nil
}

// readBuckets adds those that requests made, and when each was made.
func (s *Service) readBuckets(ctx context.Context, tx *sql.Tx, all map[string]*bucket) error {
	rows, err := tx.QueryContext(ctx, `SELECT name, made FROM bucket_made`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var made int64
		if err := rows.Scan(&name, &made); err != nil {
			return err
		}
		b := all[name]
		if b == nil && !s.cfg.BucketsByRequest {
			continue // it was declared once
		}
		if b == nil {
			b = &bucket{name: name}
			all[name] = b
		}
		b.made = time.Unix(made, 0)
	}
	return rows.Err()
}

// readBlobs gives the files that rows refer to.
func readBlobs(ctx context.Context, tx *sql.Tx, known map[string]struct{}) error {
	rows, err := tx.QueryContext(ctx, `SELECT blob FROM bucket_segment UNION ALL SELECT blob FROM bucket_part`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var blob string
		if err := rows.Scan(&blob); err != nil {
			return err
		}
		known[blob] = struct{}{}
	}
	return rows.Err()
}

// bucket gives a bucket, or nil.
func (s *Service) bucket(name string) *bucket { return (*s.buckets.Load())[name] }

// Owns says whether there is a bucket of this name, for whoever has to tell
// the room's requests from others'.
func (s *Service) Owns(name string) bool {
	all := s.buckets.Load()
	return all != nil && (*all)[name] != nil
}
