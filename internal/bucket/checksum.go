package bucket

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The checksum algorithms
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
const (
	crc32Sum     = "CRC32"
	crc32cSum    = "CRC32C"
	crc64nvmeSum = "CRC64NVME"
	sha1Sum      = "SHA1"
	sha256Sum    = "SHA256"
	sha512Sum    = "SHA512"
	md5Sum       = "MD5"
)

// algorithms are those that are kept. S3 also has XXHASH64, XXHASH3 and
// XXHASH128, which are refused.
var algorithms = [...]string{crc32Sum, crc32cSum, crc64nvmeSum, sha1Sum, sha256Sum, sha512Sum, md5Sum}

// What a checksum of an object in parts is of: its bytes, or its parts' sums.
const (
	fullObject = "FULL_OBJECT"
	composite  = "COMPOSITE"
)

// Polynomials in reversed bit order. That of CRC-64/NVME is in
// https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-nvme.
const crc64NVME = 0x9a6c9329ac4bc9b5

// checksum is an object's or a part's.
type checksum struct {
	Algorithm string `json:"a,omitempty"`
	Type      string `json:"t,omitempty"`
	Value     string `json:"v,omitempty"` // base64; -N behind a composite one
}

// header gives the header and XML element of an algorithm's value.
func checksumHeader(algorithm string) string { return "X-Amz-Checksum-" + algorithm }

func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case crc32Sum:
		return crc32.NewIEEE()
	case crc32cSum:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case crc64nvmeSum:
		return crc64.New(crc64.MakeTable(crc64NVME))
	case sha1Sum:
		return sha1.New()
	case sha256Sum:
		return sha256.New()
	case sha512Sum:
		return sha512.New()
	case md5Sum:
		return md5.New()
	}
	panic("bucket: no checksum algorithm " + algorithm) // callers check
}

func encodeSum(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// isSum says whether a text is a checksum of an algorithm.
func isSum(algorithm, value string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(value)
	return err == nil && len(b) == newHash(algorithm).Size()
}

// expected is what a client says of the checksum of what it sends.
type expected struct {
	algorithm string // "" for none
	value     string // "" if it comes in a trailer, or is not said
	trailer   bool
}

// expectedChecksum reads the headers of a body's checksum.
func expectedChecksum(h http.Header) (expected, error) {
	var e expected
	for name := range h {
		// One that is not known is not passed over: the client counts on it.
		if a, ok := strings.CutPrefix(name, "X-Amz-Checksum-"); ok && strings.HasPrefix(a, "Xx") {
			return expected{}, unsupportedAlgorithm()
		}
	}
	for _, a := range algorithms {
		values := h.Values(checksumHeader(a))
		if len(values) == 0 {
			continue
		}
		if e.algorithm != "" || len(values) > 1 {
			return expected{}, refuse(codeInvalidRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		e = expected{algorithm: a, value: values[0]}
	}
	if e.algorithm != "" && !isSum(e.algorithm, e.value) {
		return expected{}, refuse(codeInvalidRequest, fmt.Sprintf("Value for x-amz-checksum-%s header is invalid.", strings.ToLower(e.algorithm)))
	}
	for _, name := range h.Values("X-Amz-Trailer") {
		a, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(name)), "x-amz-checksum-")
		a = strings.ToUpper(a)
		if !ok || !slices.Contains(algorithms[:], a) {
			return expected{}, refuse(codeInvalidRequest, "The value specified in the x-amz-trailer header is not supported")
		}
		if e.algorithm != "" {
			return expected{}, refuse(codeInvalidRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		e = expected{algorithm: a, trailer: true}
	}
	said := h.Get("X-Amz-Sdk-Checksum-Algorithm")
	if said == "" {
		return e, nil
	}
	said = strings.ToUpper(said)
	if !slices.Contains(algorithms[:], said) {
		return expected{}, unsupportedAlgorithm()
	}
	switch e.algorithm {
	case "":
		return expected{}, refuse(codeInvalidRequest, "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	case said:
		return e, nil
	}
	return expected{}, refuse(codeInvalidRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
}

// contentMD5 reads Content-MD5: "" if there is none.
func contentMD5(h http.Header) (string, error) {
	values := h.Values("Content-Md5")
	if len(values) == 0 {
		return "", nil
	}
	if b, err := base64.StdEncoding.Strict().DecodeString(values[0]); err != nil || len(b) != md5.Size || len(values) > 1 {
		return "", refuse(codeInvalidDigest, "The Content-MD5 you specified was invalid.", "Content-MD5", values[0])
	}
	return values[0], nil
}

// compositeSum gives the checksum of the checksums of parts.
func compositeSum(algorithm string, parts []part) checksum {
	h := newHash(algorithm)
	for _, p := range parts {
		b, _ := base64.StdEncoding.DecodeString(p.sum.Value) // our own
		h.Write(b)
	}
	return checksum{algorithm, composite, encodeSum(h) + "-" + strconv.Itoa(len(parts))}
}

// wholeSum gives the checksum of all bytes from those of parts: a CRC alone
// can be put together.
func wholeSum(algorithm string, parts []part) checksum {
	width, poly := uint(32), uint64(crc32.IEEE)
	switch algorithm {
	case crc32cSum:
		poly = crc32.Castagnoli
	case crc64nvmeSum:
		width, poly = 64, crc64NVME
	}
	var sum uint64
	for _, p := range parts {
		b, _ := base64.StdEncoding.DecodeString(p.sum.Value)
		var next uint64
		for _, c := range b {
			next = next<<8 | uint64(c)
		}
		sum = combineCRC(sum, next, p.size, width, poly)
	}
	b := make([]byte, width/8)
	for i := range b {
		b[i] = byte(sum >> (8 * (len(b) - 1 - i)))
	}
	return checksum{algorithm, fullObject, base64.StdEncoding.EncodeToString(b)}
}

// combineCRC gives the CRC of two texts, one behind the other, from theirs and
// the second's length: the first CRC is carried over as many zero bytes, by the
// matrix of one zero bit that is squared again and again, as zlib's
// crc32_combine does it.
func combineCRC(first, second uint64, length int64, width uint, poly uint64) uint64 {
	square := func(m []uint64) []uint64 {
		out := make([]uint64, len(m))
		for i, row := range m {
			out[i] = times(m, row)
		}
		return out
	}
	m := make([]uint64, width) // one zero bit
	m[0] = poly
	for i := uint(1); i < width; i++ {
		m[i] = 1 << (i - 1)
	}
	m = square(square(square(m))) // one zero byte
	for ; length > 0; length >>= 1 {
		if length&1 == 1 {
			first = times(m, first)
		}
		m = square(m)
	}
	return first ^ second
}

// times multiplies a matrix over GF(2) with a vector.
func times(m []uint64, v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			sum ^= m[i]
		}
	}
	return sum
}

func unsupportedAlgorithm() error {
	return refuse(codeInvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: ["+strings.Join(algorithms[:], ", ")+"]")
}
