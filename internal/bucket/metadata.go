package bucket

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	headerCopySource = "X-Amz-Copy-Source"
	metaPrefix       = "X-Amz-Meta-"

	// maxUserMetadata is of names and values together
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).
	maxUserMetadata = 2 << 10
	// maxSystemMetadata is of all headers that are kept: "the PUT request header
	// is limited to 8 KB".
	maxSystemMetadata = 8 << 10
)

// storageClasses are those whose objects can be read at once.
var storageClasses = [...]string{"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}

// readMetadata reads what a request says of the object that it makes, and
// refuses what would not be kept or held.
func readMetadata(h http.Header) (metadata, error) {
	if err := checkUnsupported(h); err != nil {
		return metadata{}, err
	}
	m := metadata{
		ContentType:        h.Get("Content-Type"),
		CacheControl:       h.Get("Cache-Control"),
		ContentDisposition: h.Get("Content-Disposition"),
		ContentEncoding:    contentEncoding(h.Values("Content-Encoding")),
		ContentLanguage:    h.Get("Content-Language"),
		Expires:            h.Get("Expires"),
		Encryption:         h.Get("X-Amz-Server-Side-Encryption"),
		Redirect:           h.Get("X-Amz-Website-Redirect-Location"),
	}
	if r := m.Redirect; r != "" && !strings.HasPrefix(r, "/") && !strings.HasPrefix(r, "http://") && !strings.HasPrefix(r, "https://") {
		return metadata{}, refuse("InvalidRedirectLocation", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.")
	}
	size := len(m.ContentType) + len(m.CacheControl) + len(m.ContentDisposition) + len(m.ContentEncoding) + len(m.ContentLanguage) + len(m.Expires) + len(m.Redirect)
	if size > maxSystemMetadata {
		return metadata{}, metadataTooLarge(size, maxSystemMetadata)
	}
	if class := h.Get("X-Amz-Storage-Class"); class != "" && class != "STANDARD" {
		if class == "GLACIER" || class == "DEEP_ARCHIVE" {
			return metadata{}, notImplemented("x-amz-storage-class")
		}
		if !slices.Contains(storageClasses[:], class) {
			return metadata{}, refuse(codeInvalidStorageClass, "The storage class you specified is not valid", "StorageClassRequested", class)
		}
		m.StorageClass = class
	}
	size = 0
	for name, values := range h {
		name, ok := strings.CutPrefix(name, metaPrefix)
		if !ok {
			continue
		}
		value := strings.Join(values, ",")
		if size += len(name) + len(value); !utf8.ValidString(value) {
			return metadata{}, invalidArgument("Header values must be UTF-8", strings.ToLower(metaPrefix+name), "")
		}
		if m.User == nil {
			m.User = map[string]string{}
		}
		m.User[strings.ToLower(name)] = value
	}
	if size > maxUserMetadata {
		return metadata{}, metadataTooLarge(size, maxUserMetadata)
	}
	return m, nil
}

func metadataTooLarge(size, limit int) error {
	return refuse(codeMetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size", "Size", strconv.Itoa(size), "MaxSizeAllowed", strconv.Itoa(limit))
}

// contentEncoding leaves out aws-chunked, which is of the request alone.
func contentEncoding(values []string) string {
	var kept []string
	for _, list := range values {
		for coding := range strings.SplitSeq(list, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "aws-chunked") {
				kept = append(kept, coding)
			}
		}
	}
	return strings.Join(kept, ",")
}

// checkUnsupported refuses headers that ask for what is not played. Passed
// over, an object would be readable by whom a header kept out, or deletable.
func checkUnsupported(h http.Header) error {
	for name := range h {
		lower := strings.ToLower(name)
		switch {
		case strings.HasPrefix(lower, "x-amz-grant-"):
			return refuse(codeACLNotSupported, "The bucket does not allow ACLs")
		case strings.HasPrefix(lower, "x-amz-server-side-encryption-"), strings.HasPrefix(lower, "x-amz-copy-source-server-side-encryption-"),
			lower == "x-amz-write-offset-bytes":
			return notImplemented(lower)
		case strings.HasPrefix(lower, "x-amz-object-lock-"):
			return refuse(codeInvalidRequest, "Bucket is missing ObjectLockConfiguration")
		}
	}
	// A bucket as AWS makes it today has ACLs off: "bucket owner enforced"
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html).
	if acl := h.Get("X-Amz-Acl"); acl != "" && acl != "bucket-owner-full-control" {
		return refuse(codeACLNotSupported, "The bucket does not allow ACLs")
	}
	if sse := h.Get("X-Amz-Server-Side-Encryption"); sse != "" && sse != "AES256" {
		return notImplemented("x-amz-server-side-encryption")
	}
	return nil
}

// write sets the headers that an object goes out with.
func (m metadata) write(h http.Header) {
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	contentType := m.ContentType
	if contentType == "" {
		contentType = "binary/octet-stream"
	}
	h.Set("Content-Type", contentType)
	set("Cache-Control", m.CacheControl)
	set("Content-Disposition", m.ContentDisposition)
	set("Content-Encoding", m.ContentEncoding)
	set("Content-Language", m.ContentLanguage)
	set("Expires", m.Expires)
	set("X-Amz-Storage-Class", m.StorageClass)
	set("X-Amz-Server-Side-Encryption", m.Encryption)
	set("X-Amz-Website-Redirect-Location", m.Redirect)
	for name, value := range m.User {
		// In lower case, as S3 sends it: boto3 gives names as they come.
		h[strings.ToLower(metaPrefix)+name] = []string{value}
	}
}

// overrides are the response-* parameters of GetObject and the headers that
// they set.
var overrides = [...][2]string{
	{"response-content-type", "Content-Type"},
	{"response-content-language", "Content-Language"},
	{"response-expires", "Expires"},
	{"response-cache-control", "Cache-Control"},
	{"response-content-disposition", "Content-Disposition"},
	{"response-content-encoding", "Content-Encoding"},
}

// override sets headers as the request says. It is signed, as every request is
// that gets here: an anonymous link cannot choose what an object is taken for.
func (c *call) override(h http.Header) error {
	for _, o := range overrides {
		if !c.query.has(o[0]) {
			continue
		}
		value := c.query.get(o[0])
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) || len(value) > maxSystemMetadata {
			return invalidArgument("Header value cannot be represented using ISO-8859-1.", o[0], value[:min(len(value), 100)])
		}
		if value != "" {
			h.Set(o[1], value)
		}
	}
	return nil
}

// parseTags reads tags as a header has them: a query string.
func parseTags(s string) ([]tag, error) {
	var tags []tag
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(s, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		key, err := unescape(strings.ReplaceAll(name, "+", " "))
		if err == nil {
			value, err = unescape(strings.ReplaceAll(value, "+", " "))
		}
		if err != nil || key == "" || seen[key] {
			return nil, invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.", "x-amz-tagging", s)
		}
		seen[key] = true
		tags = append(tags, tag{key, value})
	}
	return tags, checkTags(tags)
}

// Limits of tags
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html).
const (
	maxTags     = 10
	maxTagKey   = 128
	maxTagValue = 256
)

func checkTags(tags []tag) error {
	if len(tags) > maxTags {
		return refuse("BadRequest", "Object tags cannot be greater than 10")
	}
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case seen[t.Key]:
			return refuse(codeInvalidTag, "Cannot provide multiple Tags with the same key", "TagKey", t.Key)
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || !isTagText(t.Key):
			return refuse(codeInvalidTag, "The TagKey you have provided is invalid", "TagKey", t.Key)
		case utf8.RuneCountInString(t.Value) > maxTagValue || !isTagText(t.Value):
			return refuse(codeInvalidTag, "The TagValue you have provided is invalid", "TagKey", t.Key, "TagValue", t.Value)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return refuse(codeInvalidTag, "System tags cannot be added/updated by requester", "TagKey", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}
