package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Artifact is a file that the template refers to by its key in the artifacts bucket.
type Artifact struct {
	Key  string // made of the content: what is there already is the same
	Path string
	Size int64
}

// bucketName is the artifacts bucket's. There is one for each account and region, as
// functions take their code from a bucket of their own region.
func (t Target) bucketName() string {
	return "doorwright-artifacts-" + t.Account + "-" + t.Region
}

// ensureBucket makes the artifacts bucket, or checks that it is ours. Its name can be
// guessed, so somebody else may have taken it: every call names the owner that it
// expects. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
func (s *Stack) ensureBucket(ctx context.Context) error {
	name, owner := aws.String(s.target.bucketName()), aws.String(s.target.Account)
	err := s.call(ctx, "looking for the artifacts bucket "+*name, func() error {
		_, err := s.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name, ExpectedBucketOwner: owner})
		return err
	})
	switch status(err) {
	case http.StatusNotFound:
		if err := s.createBucket(ctx); err != nil {
			return err
		}
	case http.StatusForbidden:
		return &Error{
			Doing: "looking for the artifacts bucket " + *name, Err: errors.New("it belongs to another account, or the caller may not see it"),
			Fix: "nothing was sent to it; if your account has this bucket, the caller needs s3:ListBucket on it",
		}
	default:
		if err != nil {
			return err
		}
	}
	return s.secureBucket(ctx)
}

func (s *Stack) createBucket(ctx context.Context) error {
	name := s.target.bucketName()
	s.progress("making the artifacts bucket %s", name)
	in := &s3.CreateBucketInput{Bucket: aws.String(name), ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}
	if s.target.Region != "us-east-1" { // which is no location constraint, but the lack of one
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(s.target.Region)}
	}
	err := s.call(ctx, "making the artifacts bucket "+name, func() error {
		_, err := s.s3.CreateBucket(ctx, in)
		return err
	})
	if code(err) == "BucketAlreadyOwnedByYou" {
		return nil // another deploy, or our own request that was repeated
	}
	return err
}

// secureBucket brings the bucket's settings up. Blocking the public comes last: a
// bucket that has it has the others, and a deploy that was interrupted in between
// goes on here.
func (s *Stack) secureBucket(ctx context.Context) error {
	name, owner := aws.String(s.target.bucketName()), aws.String(s.target.Account)
	doing := "securing the artifacts bucket " + *name
	var out *s3.GetPublicAccessBlockOutput
	err := s.call(ctx, doing, func() (err error) {
		out, err = s.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: name, ExpectedBucketOwner: owner})
		return err
	})
	if err != nil && code(err) != "NoSuchPublicAccessBlockConfiguration" {
		return err
	}
	if err == nil {
		if b := out.PublicAccessBlockConfiguration; b != nil && aws.ToBool(b.BlockPublicAcls) && aws.ToBool(b.BlockPublicPolicy) &&
			aws.ToBool(b.IgnorePublicAcls) && aws.ToBool(b.RestrictPublicBuckets) {
			return nil
		}
	}
	for _, do := range []func() error{
		func() error {
			_, err := s.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
				Bucket: name, ExpectedBucketOwner: owner,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
					ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
				}}},
			})
			return err
		},
		func() error {
			// Artifacts stay: CloudFormation reads the old ones again when it rolls back.
			_, err := s.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
				Bucket: name, ExpectedBucketOwner: owner,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
					ID: aws.String("unfinished"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
					AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
				}}},
			})
			return err
		},
		func() error {
			_, err := s.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
				Bucket: name, ExpectedBucketOwner: owner,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
				},
			})
			return err
		},
	} {
		if err := s.call(ctx, doing, do); err != nil {
			return err
		}
	}
	return nil
}

// upload sends what is not there yet. An object is there whole or not at all, so
// what was interrupted begins again with the file that was under way.
func (s *Stack) upload(ctx context.Context, artifacts []Artifact) error {
	for _, a := range artifacts {
		there, err := s.isThere(ctx, a.Key, a.Size)
		if err != nil {
			return err
		}
		if there {
			s.cfg.Observe(Event{Kind: KindUpload, Key: a.Key, Done: a.Size, Total: a.Size, Text: "is there already"})
			continue
		}
		err = s.put(ctx, a.Key, a.Size, func() (io.ReadSeekCloser, error) { return openArtifact(a) })
		if err != nil {
			return err
		}
	}
	return nil
}

func openArtifact(a Artifact) (io.ReadSeekCloser, error) {
	f, err := os.Open(a.Path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != a.Size {
		err = fmt.Errorf("%s has %d bytes, and %d when it was packaged: it was changed meanwhile", a.Path, info.Size(), a.Size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// uploadTemplate sends the template and gives its address, as CloudFormation reads it.
func (s *Stack) uploadTemplate(ctx context.Context, template []byte) (string, error) {
	sum := sha256.Sum256(template)
	key := "templates/" + hex.EncodeToString(sum[:]) + ".json"
	there, err := s.isThere(ctx, key, int64(len(template)))
	if err == nil && !there {
		err = s.put(ctx, key, int64(len(template)), func() (io.ReadSeekCloser, error) {
			return nopCloser{bytes.NewReader(template)}, nil
		})
	}
	if err != nil {
		return "", err
	}
	suffix := "amazonaws.com"
	if s.target.partition == "aws-cn" {
		suffix += ".cn"
	}
	return fmt.Sprintf("https://s3.%s.%s/%s/%s", s.target.Region, suffix, s.target.bucketName(), key), nil
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func (s *Stack) isThere(ctx context.Context, key string, size int64) (bool, error) {
	var out *s3.HeadObjectOutput
	doing := "looking for " + key + " in the artifacts bucket"
	err := s.call(ctx, doing, func() (err error) {
		out, err = s.s3.HeadObject(ctx, &s3.HeadObjectInput{
			Bucket: aws.String(s.target.bucketName()), Key: aws.String(key), ExpectedBucketOwner: aws.String(s.target.Account),
		})
		return err
	})
	switch {
	case status(err) == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, err
	case aws.ToInt64(out.ContentLength) != size:
		return false, &Error{
			Doing: doing, Err: fmt.Errorf("it has %d bytes there and %d here, though its key is made of its content", aws.ToInt64(out.ContentLength), size),
			Fix: "find out who wrote it, then delete it there",
		}
	}
	return true, nil
}

// put sends one object, which S3 takes whole or not at all, and only where there is
// none: two deploys that send the same thing do not disturb each other.
func (s *Stack) put(ctx context.Context, key string, size int64, open func() (io.ReadSeekCloser, error)) error {
	doing := "sending " + key + " to the artifacts bucket"
	err := s.call(ctx, doing, func() error {
		body, err := open()
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = s.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(s.target.bucketName()), Key: aws.String(key), ExpectedBucketOwner: aws.String(s.target.Account),
			Body: &counted{body: body, tell: func(done int64) {
				s.cfg.Observe(Event{Kind: KindUpload, Key: key, Done: done, Total: size})
			}},
			ContentLength: aws.Int64(size), IfNoneMatch: aws.String("*"), ServerSideEncryption: types.ServerSideEncryptionAes256,
		})
		return err
	})
	if status(err) == http.StatusPreconditionFailed {
		return nil // somebody else has sent it since we looked
	}
	return err
}

// counted tells how much of a body was read, each megabyte and at its end.
type counted struct {
	body       io.ReadSeeker
	done, told int64
	tell       func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.done += int64(n)
	if c.done-c.told >= 1<<20 || err == io.EOF && c.done != c.told {
		c.told = c.done
		c.tell(c.done)
	}
	return n, err
}

func (c *counted) Seek(offset int64, whence int) (int64, error) {
	n, err := c.body.Seek(offset, whence)
	if err == nil {
		c.done, c.told = n, n
	}
	return n, err
}

// status gives the HTTP status of an error of AWS, or 0. HEAD has no body, and so no
// code.
func status(err error) int {
	var e *awshttp.ResponseError
	if errors.As(err, &e) {
		return e.HTTPStatusCode()
	}
	return 0
}
