package doorwright

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/aws"
	"github.com/doorwright/doorwright/internal/bucket"
)

// serviceS3 is the signing name of S3.
const serviceS3 = "s3"

// openBuckets opens the declared buckets. Their objects are in the stage's
// folder.
func (a *App) openBuckets(ctx context.Context) error {
	cfg := bucket.Config{
		Region:    a.decl.Region,
		AccountID: aws.AccountID,
		DB:        a.state.DB(),
		Dir:       filepath.Join(a.state.Dir(), "objects"),
		Account:   a.account,
		Now:       a.cfg.Now,
		Log:       a.bucketEvent,
		Explain:   a.state.Explain,
	}
	for name, b := range a.decl.Buckets.All() {
		c := bucket.BucketConfig{Name: a.bucketName(name)}
		for _, rule := range b.CORS {
			c.CORS = append(c.CORS, corsRule(rule))
		}
		cfg.Buckets = append(cfg.Buckets, c)
	}
	var err error
	if a.buckets, err = bucket.New(cfg); err != nil {
		return err
	}
	a.endpoint.other = isBucketHost
	return a.buckets.Open(ctx)
}

// corsRule says a declared rule in S3's words.
func corsRule(r *app.BucketCORS) bucket.CORSRule {
	rule := bucket.CORSRule{ID: r.ID, AllowedOrigins: r.AllowedOrigins, AllowedMethods: r.AllowedMethods, AllowedHeaders: r.AllowedHeaders, ExposedHeaders: r.ExposedHeaders}
	if r.MaxAge > 0 {
		rule.MaxAgeSeconds = new(int(r.MaxAge / time.Second))
	}
	return rule
}

// isBucketHost says whether a host is that of a bucket: BUCKET.localhost. No
// name below localhost can be anybody else's (RFC 6761, section 6.3), so it is
// none that a page could have pointed here.
func isBucketHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	name, ok := strings.CutSuffix(strings.ToLower(host), bucket.HostSuffix)
	return ok && bucket.ValidName(name)
}

// isForBuckets says whether a request that nobody has signed is about an object:
// by its host, or by its path.
func (a *App) isForBuckets(r *http.Request) bool {
	return isBucketHost(r.Host) || a.buckets.Owns(bucket.BucketOf(r))
}

// bucketEvent tells of a request to a bucket.
func (a *App) bucketEvent(e bucket.Event) {
	kind := KindService
	switch {
	case e.Fault():
		kind = KindError
	case e.NotEmulated:
		kind = KindWarning
	}
	shown := e
	for _, of := range e.Decisions {
		if !of.Allowed && e.Code != "" { // the message of the answer says the same, and who asked, at length
			shown.Reason, shown.Caller = of.Verdict(), ""
		}
	}
	o := operation{
		Outcome: e.Outcome, service: serviceS3, resource: strings.TrimSuffix(e.Bucket+"/"+e.Key, "/"), form: e.Form, status: e.Status, decisions: e.Decisions,
	}
	a.operated(o)
	a.observe(a.denied(Event{Time: e.Time, Kind: kind, Source: "s3", RequestID: e.RequestID, Text: shown.String()}, o))
}
