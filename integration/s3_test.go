package integration

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// noise is a file of n bytes that no compression shrinks, the same in each run.
func noise(t *testing.T, n int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, n)
	source := rand.NewChaCha8([32]byte{1})
	source.Read(content)
	path = filepath.Join(t.TempDir(), "noise.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// TestBucketsByTheCLI: what people do with `aws s3`.
func TestBucketsByTheCLI(t *testing.T) {
	t.Parallel()
	need(t, "aws")
	p := clients(t, "buckets")
	b := "s3://" + p.outputs()["BucketName"]
	large, content := noise(t, 20<<20) // more than the 8 MB from which the CLI uploads in parts
	dir := t.TempDir()
	p.shell("aws s3 cp " + large + " " + b + "/big/noise.bin --no-progress")
	p.shell("aws s3 cp " + b + "/big/noise.bin " + dir + "/back.bin --no-progress")
	if back, err := os.ReadFile(filepath.Join(dir, "back.bin")); err != nil || !bytes.Equal(back, content) {
		t.Errorf("what comes back: %d bytes, %v", len(back), err)
	}
	// Older files than their objects: LastModified has whole seconds, and sync goes by it.
	p.shell("mkdir -p tree/sub && echo one > 'tree/a b.txt' && echo two > tree/sub/c+d.txt && touch -t 202601010000 'tree/a b.txt' tree/sub/c+d.txt && aws s3 sync tree " + b + "/tree --no-progress")
	if list := p.shell("aws s3 ls --recursive " + b + "/tree/"); !strings.Contains(list, " 4 tree/a b.txt\n") || !strings.Contains(list, " 4 tree/sub/c+d.txt\n") {
		t.Errorf("aws s3 ls prints\n%s", list)
	}
	if again := p.shell("aws s3 sync tree " + b + "/tree --no-progress"); again != "" {
		t.Errorf("a second sync does %s", again)
	}
	p.shell("aws s3 cp '" + b + "/tree/a b.txt' " + b + "/copy.txt && aws s3 mv " + b + "/copy.txt " + b + "/moved.txt")
	if got := p.shell("aws s3 cp " + b + "/moved.txt -"); got != "one\n" {
		t.Errorf("what was moved is %q", got)
	}
	p.shell("aws s3 cp " + b + "/big/noise.bin " + b + "/big/copy.bin") // by UploadPartCopy
	if all := p.shell("aws s3 ls"); !strings.Contains(all, p.outputs()["BucketName"]) {
		t.Errorf("aws s3 ls prints %s", all)
	}
	p.shell("aws s3 rm --recursive " + b)
	if left := p.shell("aws s3 ls --recursive " + b + " || true"); left != "" {
		t.Errorf("after rm there is %s", left)
	}
}

// TestPresignedByCurl is what the pages of a walk-through do: a link to upload,
// a link to download, and no others.
func TestPresignedByCurl(t *testing.T) {
	t.Parallel()
	need(t, "aws")
	need(t, "curl")
	python := need(t, "python3")
	p := clients(t, "buckets")
	name := p.outputs()["BucketName"]
	script := `
import boto3, sys
from botocore.config import Config
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
print(s3.generate_presigned_url("put_object", Params={"Bucket": sys.argv[1], "Key": "uploads/photo.txt", "ContentType": "text/plain"}, ExpiresIn=300))
print(boto3.client("s3", config=Config(signature_version="s3")).generate_presigned_url("get_object", Params={"Bucket": sys.argv[1], "Key": "uploads/photo.txt"}))
`
	c := exec.Command(python, "-c", script, name)
	c.Env = p.env()
	out, err := c.Output()
	if err != nil {
		t.Skipf("boto3: %v", err)
	}
	links := strings.Fields(string(out))
	if got := p.shell("echo hello | curl -s -o /dev/null -w '%{http_code}' -X PUT -H 'Content-Type: text/plain' --data-binary @- '" + links[0] + "'"); got != "200" {
		t.Errorf("the upload is answered %s", got)
	}
	if got := p.shell("echo hello | curl -s -X PUT -H 'Content-Type: text/html' --data-binary @- '" + links[0] + "'"); !strings.Contains(got, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("another content type is answered %s", got)
	}
	link := strings.TrimSpace(p.shell("aws s3 presign s3://" + name + "/uploads/photo.txt --expires-in 60"))
	if got := p.shell("curl -s '" + link + "'"); strings.Contains(link, "X-Amz-Signature=") && got != "hello\n" {
		t.Errorf("the download is %q", got)
	}
	if got := p.shell("curl -s '" + strings.Replace(link, "photo", "other", 1) + "'"); !strings.Contains(got, "<Error>") {
		t.Errorf("another object by this link: %q", got)
	}
	if got := p.shell("curl -s '" + links[1] + "'"); !strings.Contains(got, "Please use AWS4-HMAC-SHA256") {
		t.Errorf("a link of signature version 2 is answered %s", got)
	}
}

// TestBucketsByBoto3 is boto3's own way: transfers, checksums, lists, errors.
func TestBucketsByBoto3(t *testing.T) {
	t.Parallel()
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		need(t, "python3 with boto3")
	}
	p := clients(t, "buckets")
	path, _ := noise(t, 18<<20)
	script := `
import boto3, hashlib, sys, urllib.request
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
bucket, path = sys.argv[1], sys.argv[2]
s3 = boto3.client("s3")
s3.upload_file(path, bucket, "big", ExtraArgs={"Metadata": {"color": "blue"}, "ContentType": "x/y", "Tagging": "a=b"}, Config=TransferConfig(multipart_threshold=8 << 20))
head = s3.head_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")
assert head["Metadata"] == {"color": "blue"} and head["ContentType"] == "x/y" and head["ContentLength"] == 18 << 20, head
s3.download_file(bucket, "big", path + ".back", Config=TransferConfig(max_concurrency=3))
assert hashlib.sha256(open(path, "rb").read()).digest() == hashlib.sha256(open(path + ".back", "rb").read()).digest()
for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"):
    try:
        put = s3.put_object(Bucket=bucket, Key="sum", Body=b"123456789", ChecksumAlgorithm=algorithm)
    except Exception as e:
        if "crt" in str(e).lower(): # not installed
            continue
        raise
    got = s3.get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"123456789" and got["Checksum" + algorithm] == put["Checksum" + algorithm], got
assert s3.get_object(Bucket=bucket, Key="big", Range="bytes=5-9")["ContentRange"] == "bytes 5-9/%d" % (18 << 20)
keys = ["k/%03d ä+&<" % i for i in range(25)]
for k in keys:
    s3.put_object(Bucket=bucket, Key=k, Body=k)
pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="k/", PaginationConfig={"PageSize": 7}))
assert [o["Key"] for page in pages for o in page["Contents"]] == keys and len(pages) == 4, pages
old = list(s3.get_paginator("list_objects").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}))
assert [c["Prefix"] for page in old for c in page.get("CommonPrefixes", [])] == ["k/"], old
gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in keys]})
assert len(gone["Deleted"]) == 25, gone
s3.put_object_tagging(Bucket=bucket, Key="sum", Tagging={"TagSet": [{"Key": "a", "Value": "b c"}]})
assert s3.get_object_tagging(Bucket=bucket, Key="sum")["TagSet"] == [{"Key": "a", "Value": "b c"}]
s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy")
try:
    s3.get_object(Bucket=bucket, Key="none")
    sys.exit("an object that there is not")
except s3.exceptions.NoSuchKey:
    pass
try:
    s3.put_object(Bucket=bucket, Key="sum", Body=b"x", IfNoneMatch="*")
    sys.exit("an object was overwritten")
except ClientError as e:
    assert e.response["Error"]["Code"] == "PreconditionFailed", e
try:
    s3.create_bucket(Bucket="another-bucket")
    sys.exit("a bucket was made")
except ClientError as e:
    assert "doorwright.yaml" in str(e), e
post = boto3.client("s3", config=Config(signature_version="s3v4")).generate_presigned_post(bucket, "form/${filename}", Fields={"Content-Type": "text/plain"}, Conditions=[{"Content-Type": "text/plain"}, ["content-length-range", 1, 10]])
def send(body):
    boundary = "xxxboundaryxxx"
    parts = "".join('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, k, v) for k, v in post["fields"].items())
    data = (parts + '--%s\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n' % boundary).encode() + body + ("\r\n--%s--\r\n" % boundary).encode()
    request = urllib.request.Request(post["url"], data=data, headers={"Content-Type": "multipart/form-data; boundary=" + boundary})
    try:
        return urllib.request.urlopen(request).status, b""
    except urllib.error.HTTPError as e:
        return e.code, e.read()
import urllib.error
assert send(b"hello") == (204, b""), send(b"hello")
assert s3.get_object(Bucket=bucket, Key="form/f.txt")["Body"].read() == b"hello"
code, answer = send(b"more than ten bytes")
assert code == 400 and b"EntityTooLarge" in answer, (code, answer)
`
	c := exec.Command(python, "-c", script, p.outputs()["BucketName"], path)
	c.Env = p.env()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// s3 gives a client of aws-sdk-go-v2.
func (p *process) s3(ctx context.Context) *s3.Client {
	p.t.Helper()
	env := objectOf(p.t, "env", p.dir, "--json")
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(env["AWS_REGION"]), config.WithBaseEndpoint(env["AWS_ENDPOINT_URL"]),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")),
		config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil),
	)
	if err != nil {
		p.t.Fatal(err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle, o.DisableLogOutputChecksumValidationSkipped = true, true
	})
}

// TestBucketsBySDK goes through aws-sdk-go-v2 and its upload manager, which
// verifies checksums of what it reads.
func TestBucketsBySDK(t *testing.T) {
	t.Parallel()
	p := clients(t, "buckets")
	c, bucket, ctx := p.s3(t.Context()), aws.String(p.outputs()["BucketName"]), t.Context()
	_, content := noise(t, 17<<20)
	for _, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256} {
		transfers := transfermanager.New(c)
		up, err := transfers.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: bucket, Key: aws.String("big"), Body: bytes.NewReader(content), ChecksumAlgorithm: tmtypes.ChecksumAlgorithm(algorithm)})
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if !strings.HasSuffix(aws.ToString(up.ETag), `-3"`) {
			t.Errorf("%s: ETag %s", algorithm, aws.ToString(up.ETag))
		}
		back := tmtypes.NewWriteAtBuffer(make([]byte, 0, len(content))) // which would grow by every write
		if _, err := transfers.DownloadObject(ctx, &transfermanager.DownloadObjectInput{Bucket: bucket, Key: aws.String("big"), WriterAt: back}); err != nil || md5.Sum(back.Bytes()) != md5.Sum(content) {
			t.Errorf("%s: %d bytes, %v", algorithm, len(back.Bytes()), err)
		}
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("small"), Body: strings.NewReader("hello"), ChecksumAlgorithm: algorithm}); err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		got, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("small"), ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		body, err := io.ReadAll(got.Body)
		got.Body.Close()
		if err != nil || string(body) != "hello" {
			t.Errorf("%s: %q, %v", algorithm, body, err)
		}
	}
	presigned, err := s3.NewPresignClient(c).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("small")}, s3.WithPresignExpires(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, presigned.URL, ""); got.status != 200 || got.body != "hello" {
		t.Errorf("presigned: %d %s", got.status, got.body)
	}
	var missing *types.NoSuchKey
	if _, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("none")}); !errors.As(err, &missing) {
		t.Errorf("no object: %v", err)
	}
	var nowhere *types.NotFound
	if _, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("no-bucket")}); !errors.As(err, &nowhere) {
		t.Errorf("no bucket: %v", err)
	}
}

// TestBucketsBySDKForJavaScript goes through the AWS SDK for JavaScript v3.
func TestBucketsBySDKForJavaScript(t *testing.T) {
	js := scripts(t)
	p := clients(t, "buckets")
	p.script(js, "s3.mjs", nil)
}
