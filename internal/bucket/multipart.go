package bucket

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorwright/doorwright/internal/aws"
)

// Limits of uploads in parts
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const (
	maxPartNumber = 10000
	minPart       = 5 << 20 // but for the last
	maxObject     = 48 << 40
)

// upload is an upload in parts under way.
type upload struct {
	id, bucket, key string
	initiated       time.Time
	initiator       string
	// sum says which checksum the object gets, and of what. Without an
	// algorithm the client asked for none, and the object gets a CRC64NVME.
	sum  checksum
	meta metadata
	tags []tag
}

// part is a part of it.
type part struct {
	n        int
	blob     string
	size     int64
	etag     string
	modified time.Time
	sum      checksum
}

const uploadColumns = `id, bucket, key, initiated, initiator, algorithm, type, meta, tags`

func scanUpload(scan func(...any) error) (*upload, error) {
	var u upload
	var key []byte
	var initiated int64
	var meta, tags string
	if err := scan(&u.id, &u.bucket, &key, &initiated, &u.initiator, &u.sum.Algorithm, &u.sum.Type, &meta, &tags); err != nil {
		return nil, err
	}
	u.key, u.initiated = string(key), time.Unix(initiated, 0).UTC()
	if err := errors.Join(json.Unmarshal([]byte(meta), &u.meta), json.Unmarshal([]byte(tags), &u.tags)); err != nil {
		return nil, fmt.Errorf("reading the row of an upload: %w", err)
	}
	return &u, nil
}

// findUpload gives the upload that the call names, which must be of its key.
func (c *call) findUpload(ctx context.Context, tx *sql.Tx) (*upload, error) {
	id := c.query.get("uploadId")
	row := tx.QueryRowContext(ctx, `SELECT `+uploadColumns+` FROM bucket_upload WHERE id = ? AND bucket = ? AND key = ?`, id, c.address.bucket, []byte(c.key))
	u, err := scanUpload(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noSuchUpload(id)
	}
	return u, err
}

func (c *call) upload(ctx context.Context) (u *upload, err error) {
	err = c.s.cfg.DB.Read(ctx, func(tx *sql.Tx) error {
		u, err = c.findUpload(ctx, tx)
		return err
	})
	return u, err
}

// uploadParts gives an upload's parts after a number, in order.
func uploadParts(ctx context.Context, tx *sql.Tx, id string, after, limit int) (all []part, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT n, blob, size, etag, modified, sum FROM bucket_part WHERE upload = ? AND n > ? ORDER BY n LIMIT ?`, id, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p part
		var modified int64
		var sum string
		if err := rows.Scan(&p.n, &p.blob, &p.size, &p.etag, &modified, &sum); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(sum), &p.sum); err != nil {
			return nil, fmt.Errorf("reading the row of a part: %w", err)
		}
		p.modified = time.Unix(modified, 0).UTC()
		all = append(all, p)
	}
	return all, rows.Err()
}

// uploadChecksum reads which checksum an upload is to have
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html,
// the table of what goes with what).
func uploadChecksum(h http.Header) (checksum, error) {
	sum := checksum{Algorithm: strings.ToUpper(h.Get("X-Amz-Checksum-Algorithm")), Type: strings.ToUpper(h.Get("X-Amz-Checksum-Type"))}
	switch {
	case sum.Type != "" && sum.Type != fullObject && sum.Type != composite:
		return checksum{}, refuse(codeInvalidRequest, "Value for x-amz-checksum-type header is invalid.")
	case sum.Algorithm == "" && sum.Type != "":
		return checksum{}, refuse(codeInvalidRequest, "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case sum.Algorithm == "":
		return checksum{}, nil
	case !slices.Contains(algorithms[:], sum.Algorithm):
		return checksum{}, unsupportedAlgorithm()
	}
	onlyFull := sum.Algorithm == crc64nvmeSum
	onlyComposite := !onlyFull && sum.Algorithm != crc32Sum && sum.Algorithm != crc32cSum
	if sum.Type == "" {
		sum.Type = composite
		if onlyFull {
			sum.Type = fullObject
		}
	}
	if onlyFull && sum.Type == composite || onlyComposite && sum.Type == fullObject {
		return checksum{}, refuse(codeInvalidRequest, "The "+sum.Type+" checksum type cannot be used with the "+strings.ToLower(sum.Algorithm)+" checksum algorithm.")
	}
	return sum, nil
}

const uploadIDLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

// newUploadID gives an id that sorts by time, as lists of a key's uploads do, and
// cannot be guessed.
func (s *Service) newUploadID() string {
	return fmt.Sprintf("%016x", s.cfg.Now().UnixNano()) + aws.RandomText(uploadIDLetters, 48)
}

func (s *Service) createMultipartUpload(ctx context.Context, c *call) error {
	meta, tags, err := c.describe()
	if err != nil {
		return err
	}
	sum, err := uploadChecksum(c.r.Header)
	if err != nil {
		return err
	}
	u := &upload{id: s.newUploadID(), initiator: c.caller.ARN}
	err = s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO bucket_upload (`+uploadColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			u.id, c.address.bucket, []byte(c.key), s.now().Unix(), u.initiator, sum.Algorithm, sum.Type, text(meta), tagText(tags))
		return err
	})
	if err != nil {
		return err
	}
	if sum.Algorithm != "" {
		c.w.Header().Set("X-Amz-Checksum-Algorithm", sum.Algorithm)
		c.w.Header().Set("X-Amz-Checksum-Type", sum.Type)
	}
	d := newDocument("InitiateMultipartUploadResult")
	d.text("Bucket", c.address.bucket)
	d.text("Key", c.key)
	d.text("UploadId", u.id)
	return c.writeXML(http.StatusOK, d)
}

// partNumber reads which part a request is about.
func (c *call) partNumber() (int, error) {
	n, err := strconv.Atoi(c.query.get("partNumber"))
	if err != nil || n < 1 || n > maxPartNumber {
		return 0, invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", c.query.get("partNumber"))
	}
	return n, nil
}

func (s *Service) uploadPart(ctx context.Context, c *call) error {
	n, err := c.partNumber()
	if err != nil {
		return err
	}
	u, err := c.upload(ctx)
	if err != nil {
		return err
	}
	want, err := expectedChecksum(c.r.Header)
	if err != nil {
		return err
	}
	fallback := u.sum.Algorithm
	switch {
	case fallback == "":
		fallback = crc64nvmeSum
	case want.algorithm != "" && want.algorithm != u.sum.Algorithm,
		want.algorithm == "" && u.sum.Type == composite:
		said := want.algorithm
		if said == "" {
			said = "null"
		}
		return refuse(codeInvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: "+strings.ToLower(u.sum.Algorithm)+", actual checksum Type: "+strings.ToLower(said))
	}
	w, err := s.receive(ctx, c, fallback)
	if err != nil {
		return err
	}
	if err := s.addPart(ctx, c, n, w); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Etag", etagQuoted(w.etag()))
	if want.algorithm != "" || u.sum.Algorithm != "" {
		h.Set(checksumHeader(w.sum.Algorithm), w.sum.Value)
	}
	return c.writeEmpty(http.StatusOK)
}

// addPart makes bytes a part of the call's upload, in the place of one of the
// same number. The upload may have ended meanwhile.
func (s *Service) addPart(ctx context.Context, c *call, n int, w written) error {
	var gone []string
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := c.findUpload(ctx, tx)
		if err != nil {
			return err
		}
		if gone, err = column(ctx, tx, `SELECT blob FROM bucket_part WHERE upload = ? AND n = ?`, u.id, n); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO bucket_part (upload, n, blob, size, etag, modified, sum) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			u.id, n, w.blob, w.size, w.etag(), s.now().Unix(), text(w.sum))
		return err
	})
	if err != nil {
		s.shelf.drop(w.blob)
		return err
	}
	s.shelf.drop(gone...)
	return nil
}

func (s *Service) abortMultipartUpload(ctx context.Context, c *call) error {
	var gone []string
	err := s.cfg.DB.Write(ctx, func(tx *sql.Tx) error {
		u, err := c.findUpload(ctx, tx)
		if err != nil {
			return err
		}
		if gone, err = column(ctx, tx, `SELECT blob FROM bucket_part WHERE upload = ?`, u.id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM bucket_upload WHERE id = ?`, u.id)
		return err
	})
	if err != nil {
		return err
	}
	s.shelf.drop(gone...)
	return c.writeEmpty(http.StatusNoContent)
}

// completion is the document of CompleteMultipartUpload.
type completion struct {
	Parts []completedPart `xml:"Part"`
}

type completedPart struct {
	XMLName    xml.Name `xml:"Part"`
	PartNumber *int     `xml:"PartNumber"`
	ETag       string   `xml:"ETag"`
	CRC32      string   `xml:"ChecksumCRC32"`
	CRC32C     string   `xml:"ChecksumCRC32C"`
	CRC64NVME  string   `xml:"ChecksumCRC64NVME"`
	SHA1       string   `xml:"ChecksumSHA1"`
	SHA256     string   `xml:"ChecksumSHA256"`
	SHA512     string   `xml:"ChecksumSHA512"`
	MD5        string   `xml:"ChecksumMD5"`
}

// sum gives what the client says of an algorithm's checksum.
func (p *completedPart) sum(algorithm string) string {
	switch algorithm {
	case crc32Sum:
		return p.CRC32
	case crc32cSum:
		return p.CRC32C
	case crc64nvmeSum:
		return p.CRC64NVME
	case sha1Sum:
		return p.SHA1
	case sha512Sum:
		return p.SHA512
	case md5Sum:
		return p.MD5
	}
	return p.SHA256
}

func (s *Service) completeMultipartUpload(ctx context.Context, c *call) error {
	if err := c.checkWriteConditions(); err != nil {
		return err
	}
	var in completion
	if err := c.readXML("CompleteMultipartUpload", &in); err != nil {
		return err
	}
	if len(in.Parts) == 0 || len(in.Parts) > maxPartNumber {
		return malformedXML(errors.New("no parts, or too many"))
	}
	o := &object{bucket: c.address.bucket, key: c.key, modified: s.now()}
	err := s.commit(ctx, c, o, func(tx *sql.Tx) ([]string, error) { return c.assemble(ctx, tx, in.Parts, o) })
	if done := (*alreadyError)(nil); errors.As(err, &done) {
		o, err = done.object, nil
	}
	if err != nil {
		return err
	}
	d := newDocument("CompleteMultipartUploadResult")
	d.text("Location", c.location())
	d.text("Bucket", o.bucket)
	d.text("Key", o.key)
	d.text("ETag", etagQuoted(o.etag))
	if o.sum.Value != "" {
		d.text("Checksum"+o.sum.Algorithm, o.sum.Value)
		d.text("ChecksumType", o.sum.Type)
	}
	return c.writeXML(http.StatusOK, d)
}

// alreadyError says that an upload was completed before, and is still what its
// key holds: a client whose answer was lost asks again, and gets it.
type alreadyError struct{ object *object }

func (e *alreadyError) Error() string { return "the upload was completed before" }

// location is where the object is, by the host that the client used.
func (c *call) location() string {
	scheme := "http://"
	if c.r.TLS != nil {
		scheme = "https://"
	}
	path, _, _ := strings.Cut(c.r.URL.EscapedPath(), "?")
	return scheme + c.r.Host + path
}

// assemble makes o of the parts that the client lists, ends the upload, and
// gives the files of the parts that are left out.
func (c *call) assemble(ctx context.Context, tx *sql.Tx, listed []completedPart, o *object) (gone []string, err error) {
	u, err := c.findUpload(ctx, tx)
	if err != nil {
		done, e := findObject(ctx, tx, o.bucket, o.key)
		if e == nil && done != nil && done.upload == c.query.get("uploadId") {
			return nil, &alreadyError{done}
		}
		return nil, err
	}
	o.upload = u.id
	all, err := uploadParts(ctx, tx, u.id, 0, maxPartNumber)
	if err != nil {
		return nil, err
	}
	chosen, gone, err := u.choose(listed, all)
	if err != nil {
		return nil, err
	}
	o.size, o.segments = 0, nil // the transaction may be run again
	sum := md5.New()
	for _, p := range chosen {
		b, _ := hex.DecodeString(p.etag) // our own
		sum.Write(b)
		o.size += p.size
		o.segments = append(o.segments, segment{p.blob, p.size, p.sum})
	}
	o.etag = hex.EncodeToString(sum.Sum(nil)) + "-" + strconv.Itoa(len(chosen))
	o.parts, o.meta, o.tags = len(chosen), u.meta, u.tags
	switch {
	case u.sum.Type == composite:
		o.sum = compositeSum(u.sum.Algorithm, chosen)
	case u.sum.Algorithm != "":
		o.sum = wholeSum(u.sum.Algorithm, chosen)
	default:
		o.sum = u.defaultSum(chosen)
	}
	if err := c.checkWhole(u, o); err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM bucket_upload WHERE id = ?`, u.id)
	return gone, err
}

// defaultSum is a CRC64NVME of the whole, unless a part came with another
// checksum: then there is none that all have.
func (u *upload) defaultSum(chosen []part) checksum {
	for _, p := range chosen {
		if p.sum.Algorithm != crc64nvmeSum {
			return checksum{}
		}
	}
	return wholeSum(crc64nvmeSum, chosen)
}

// choose holds the client's list against the parts that there are.
func (u *upload) choose(listed []completedPart, all []part) (chosen []part, gone []string, err error) {
	byNumber := map[int]part{}
	for _, p := range all {
		byNumber[p.n] = p
	}
	last := 0
	for i, want := range listed {
		if want.PartNumber == nil || want.ETag == "" {
			return nil, nil, malformedXML(errors.New("a part without a number or an ETag"))
		}
		if *want.PartNumber < 1 {
			return nil, nil, invalidArgument("PartNumber must be >= 1", "PartNumber", strconv.Itoa(*want.PartNumber))
		}
		if u.sum.Type == composite && want.sum(u.sum.Algorithm) == "" {
			return nil, nil, refuse(codeInvalidRequest, fmt.Sprintf("The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.",
				strings.ToLower(u.sum.Algorithm), *want.PartNumber))
		}
		n := *want.PartNumber
		if n <= last {
			return nil, nil, refuse(codeInvalidPartOrder, "The list of parts was not in ascending order. Parts must be ordered by part number.", "UploadId", u.id)
		}
		last = n
		p, ok := byNumber[n]
		etag := unquoteETag(want.ETag)
		if !ok || p.etag != etag || !u.partAgrees(p, &want) {
			return nil, nil, refuse(codeInvalidPart, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
				"UploadId", u.id, "PartNumber", strconv.Itoa(n), "ETag", etag)
		}
		if i < len(listed)-1 && p.size < minPart {
			return nil, nil, refuse(codeEntityTooSmall, "Your proposed upload is smaller than the minimum allowed size",
				"ETag", p.etag, "MinSizeAllowed", strconv.Itoa(minPart), "PartNumber", strconv.Itoa(n), "ProposedSize", strconv.FormatInt(p.size, 10))
		}
		chosen = append(chosen, p)
		delete(byNumber, n)
	}
	for _, p := range byNumber {
		gone = append(gone, p.blob)
	}
	return chosen, gone, nil
}

// partAgrees holds the checksums of a list against a part's.
func (u *upload) partAgrees(p part, want *completedPart) bool {
	for _, a := range algorithms {
		said := want.sum(a)
		if said != "" && (a != p.sum.Algorithm || said != p.sum.Value) {
			return false
		}
	}
	return true
}

// checkWhole holds what the client says of the whole object against it.
func (c *call) checkWhole(u *upload, o *object) error {
	size := c.r.Header.Get("X-Amz-Mp-Object-Size")
	if strings.HasPrefix(size, "-") {
		return refuse(codeInvalidRequest, "Value for x-amz-mp-object-size header is less than zero: '"+size+"'")
	}
	if size != "" && size != strconv.FormatInt(o.size, 10) {
		return refuse(codeInvalidRequest, "The provided 'x-amz-mp-object-size' header value "+size+" does not match what was computed: "+strconv.FormatInt(o.size, 10))
	}
	t := c.r.Header.Get("X-Amz-Checksum-Type")
	if t != "" && t != fullObject && t != composite {
		return refuse(codeInvalidRequest, "Value for x-amz-checksum-type header is invalid.")
	}
	if t != "" && t != o.sum.Type {
		return refuse(codeInvalidRequest, "The upload was created using the "+u.sum.Type+" checksum mode. The complete request must use the same checksum mode.")
	}
	h := http.Header{} // a composite checksum may come with its count
	for _, a := range algorithms {
		for _, value := range c.r.Header.Values(checksumHeader(a)) {
			if o.sum.Type == composite {
				value = strings.TrimSuffix(value, "-"+strconv.Itoa(o.parts))
			}
			h.Add(checksumHeader(a), value)
		}
	}
	want, err := expectedChecksum(h)
	if err != nil {
		return err
	}
	if plain, _, _ := strings.Cut(o.sum.Value, "-"); want.algorithm != "" && (want.algorithm != o.sum.Algorithm || want.value != plain) {
		return refuse(codeBadDigest, "The "+want.algorithm+" you specified did not match the calculated checksum.")
	}
	if o.size > maxObject {
		return tooLarge(o.size, maxObject)
	}
	return nil
}

// checkDigests holds a document against the digests that came with it.
func checkDigests(c *call, b []byte) error {
	wantMD5, err := contentMD5(c.r.Header)
	if err != nil {
		return err
	}
	sum := md5.Sum(b)
	if got := base64.StdEncoding.EncodeToString(sum[:]); wantMD5 != "" && wantMD5 != got {
		return refuse(codeBadDigest, "The Content-MD5 you specified did not match what we received.", "ExpectedDigest", wantMD5, "CalculatedDigest", got)
	}
	if c.op.name == "CompleteMultipartUpload" {
		return nil // its checksums are the object's
	}
	want, err := expectedChecksum(c.r.Header)
	if err != nil {
		return err
	}
	if want.trailer {
		want.value = c.body.trailer(checksumHeader(want.algorithm))
	}
	if want.algorithm != "" {
		h := newHash(want.algorithm)
		h.Write(b)
		if encodeSum(h) != want.value {
			return refuse(codeBadDigest, "The "+want.algorithm+" you specified did not match the calculated checksum.")
		}
	}
	return nil
}
