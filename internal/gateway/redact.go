package gateway

import (
	"bytes"
	"strings"
)

// maxShown bounds what is kept of an event, a reply and an error.
const maxShown = 16 << 10

// Redact gives the beginning of a text with what may be a secret replaced, as new
// memory. It goes by the names that values have in JSON, in JSON inside JSON, in forms,
// queries, headers and logs, and by what tokens begin with; and it takes out the given
// secrets wherever they are. What has no name and is not known is not found: a path may
// hold anything.
func Redact(text []byte, secrets ...string) []byte { return RedactNamed(text, nil, secrets...) }

// RedactNamed is Redact with further names, in lower case, whose values are secret.
func RedactNamed(text []byte, names []string, secrets ...string) []byte {
	return AppendRedacted(make([]byte, 0, min(len(text), maxShown)+16), text, names, secrets...)
}

// AppendRedacted appends what RedactNamed gives, which is less work where there is memory
// for it.
func AppendRedacted(to, text []byte, names []string, secrets ...string) []byte {
	whole := text
	cut := len(text) > maxShown
	if cut {
		text = text[:maxShown]
		// Not through the middle of a word, which might be the half of a secret.
		text = text[:bytes.LastIndexAny(text, " \",&;\n")+1]
	}
	for _, s := range secrets {
		var begin [32]byte // most are not there, and need no memory
		if n := copy(begin[:], s); n >= shortestSecret && bytes.Contains(text, begin[:n]) {
			text = bytes.ReplaceAll(text, []byte(s), []byte(redacted))
		}
	}
	r := redactor{in: withoutKeys(text), out: to, whole: whole, names: names}
	r.run()
	to = append(r.out, r.in[r.kept:]...)
	if cut {
		to = append(to, "..."...)
	}
	return to
}

// isEncoded says whether the body of an event or a reply is encoded. It is said after
// the body, in an event at the very end: what is cut off says it too.
func isEncoded(text []byte) bool {
	const name = `"isBase64Encoded":`
	for {
		i := bytes.Index(text, []byte(name))
		if i < 0 {
			return false
		}
		if text = text[i+len(name):]; bytes.HasPrefix(bytes.TrimLeft(text[:min(len(text), 8)], " "), []byte("true")) {
			return true
		}
	}
}

// A redactor copies a text.
type redactor struct {
	in, out []byte
	whole   []byte // in before it was cut
	kept    int    // in[:kept] is in out
	names   []string
	base64  encoding // what encoded has found
}

// encoding says how the body of an event or a reply is written.
type encoding int

const (
	notAsked encoding = iota
	asText
	inBase64
)

// encoded says whether the body of an event or a reply is in base64, and not to be read.
func (r *redactor) encoded() bool {
	if r.base64 == notAsked {
		r.base64 = asText
		if isEncoded(r.whole) {
			r.base64 = inBase64
		}
	}
	return r.base64 == inBase64
}

// secretBeginnings are the words of secretName, in groups, by what they begin with.
var secretBeginnings = [8][]string{
	{"token", "ticket"}, {"sig", "secret", "session", "state"}, {"code", "credential", "cookie"}, {"passw", "pwd", "passphrase"},
	{"key", "jwt"}, {"auth", "assertion"}, {"nonce"}, {"otp"},
}

// What is asked of every byte of every request that is kept. Below are three times eight
// bits: of which groups of secretBeginnings it may be the third letter, the second and the
// first.
const (
	isStop     = 1 << (24 + iota) // run looks at it
	inName                        // it may be in a name
	inToken                       // and in a token
	aroundName                    // it may be between a name and the separator
	isPercent
	isBracket
)

// classes has for every byte what it is. The stops are what separates names from values,
// the first byte of a separator as Go escapes it or percent-encoded, the last of what
// tokens begin with, the one that they follow, and the one that a URL's password ends before.
var classes = func() (of [256]uint32) {
	for set, class := range map[string]uint32{
		":=>\\J %@": isStop, "-.%_": inName, "-.+/=_~": inToken, " \t\r\n\"'\\": aroundName, "%": isPercent, "[]": isBracket,
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz": inName | inToken,
	} {
		for i := range len(set) {
			of[set[i]] |= class
		}
	}
	for group, words := range secretBeginnings {
		for _, word := range words {
			for i := range 3 {
				bit := uint32(1) << (8*(2-i) + group)
				of[word[i]] |= bit
				of[word[i]-'a'+'A'] |= bit
			}
		}
	}
	return of
}()

func (r *redactor) run() {
	in := r.in
	from := 0 // where it has gone on last
	for i := 0; i < len(in); {
		for i+4 <= len(in) && (classes[in[i]]|classes[in[i+1]]|classes[in[i+2]]|classes[in[i+3]])&isStop == 0 { // most of them
			i += 4
		}
		for i < len(in) && classes[in[i]]&isStop == 0 {
			i++
		}
		if i == len(in) {
			return
		}
		next := i + 1
		switch in[i] {
		case ':', '=', '>':
			next = r.afterName(i)
		case '\\':
			if i > 0 && i+6 <= len(in) && string(in[i:i+6]) == `\u003e` { // ">", as Go writes it
				next = r.afterName(i + 5)
			}
		case 'J':
			if i-2 >= from && in[i-1] == 'y' && in[i-2] == 'e' {
				next = r.token(i - 2)
			}
		case '%':
			next = r.percent(i)
		case '@':
			next = r.userinfo(i)
		default:
			if i > 0 && (in[i-1]|0x20 == 'r' || in[i-1]|0x20 == 'c') {
				next = r.scheme(i)
			}
		}
		if next != i+1 {
			from = next
		}
		i = next
	}
}

// replace leaves out in[from:to], and gives where to go on.
func (r *redactor) replace(from, to int) int {
	if to <= from {
		return max(from, to)
	}
	r.out = append(append(r.out, r.in[r.kept:from]...), redacted...)
	r.kept = to
	return to
}

// token leaves out a JWT, or the beginning of one, at i, where "eyJ" is.
func (r *redactor) token(i int) int {
	end := i
	for end < len(r.in) && classes[r.in[end]]&inToken != 0 {
		end++
	}
	if end-i > shortestToken || end == len(r.in) {
		return r.replace(i, end)
	}
	return end
}

// shortestToken is what a JWT has more bytes than.
const shortestToken = 20

// scheme leaves out what follows the name of an authentication scheme and a space at i
// (RFC 9110, section 11.1).
func (r *redactor) scheme(i int) int {
	for _, name := range [...]string{"bearer", "basic"} {
		if from := i - len(name); from >= r.kept && strings.EqualFold(string(r.in[from:i]), name) {
			end := i + 1
			for end < len(r.in) && classes[r.in[end]]&inToken != 0 {
				end++
			}
			if end-i > 8 {
				return r.replace(i+1, end)
			}
		}
	}
	return i + 1
}

// afterName leaves out the value that follows the separator at i, if the name before it
// is that of a secret.
func (r *redactor) afterName(i int) int {
	separator := r.in[i]
	name, secret, escaped := r.nameBefore(i)
	at := i
	if separator == 'e' {
		separator, at = '>', i-len(`\u003`)
		name, secret, escaped = r.nameBefore(at)
	}
	if separator == '>' {
		for at > 0 && r.in[at-1] == '\\' {
			at--
		}
		if at > 0 && strings.IndexByte(`"'`, r.in[at-1]) >= 0 { // attributes
			name, escaped = r.tagBefore(at), false
			secret = secretName(name)
		} else if n := at - len(name); n > 0 && r.in[n-1] == '/' { // the end of an element
			return i + 1
		}
	}
	if !secret && !escaped && len(name) > len("body") && len(r.names) == 0 { // nearly all
		return i + 1
	}
	body := string(name) == "body" && r.encoded()
	if isNaming(name) {
		if next := r.namedValue(i + 1); next > i+1 {
			return next
		}
	}
	if len(name) == 0 || !body && !escaped && !secret && !r.named(name) {
		return i + 1
	}
	if separator == ':' && r.inSource(name, i+1) {
		return i + 1
	}
	return r.value(i, separator, name)
}

// value leaves out the value that follows the separator at i and, if there is one, a name.
func (r *redactor) value(i int, separator byte, name []byte) int {
	from := r.afterSpaces(i + 1)
	for _, arrow := range [...]string{">", `\u003e`, `\\u003e`} { // =>, as Ruby and JavaScript's maps have it
		if separator == '=' && bytes.HasPrefix(r.in[from:], []byte(arrow)) {
			from = r.afterSpaces(from + len(arrow))
		}
	}
	from = r.unprefixed(from)
	if from == len(r.in) {
		return from
	}
	if c := r.in[from]; separator != '>' && (c == '"' || c == '\'' || c == '\\') {
		return r.quoted(from)
	}
	end := r.unquoted(from)
	switch string(r.in[from:end]) {
	case "null", "true", "false":
		return end
	}
	switch c := r.in[from]; {
	case separator == '>':
		return r.element(from)
	case c == '{' && wholly(name):
		return r.replace(from, r.structure(from))
	case c == '{':
		return from + 1 // its members have names of their own
	case c == '[':
		return r.list(from)
	case separator != '>' && (wholeLine(name) || wholeLine(r.in[from:end])):
		return r.replace(from, r.until(from, "\r\n\"\\]"))
	}
	return r.replace(from, end)
}

// isNaming says whether a value is itself the name of what follows it.
func isNaming(name []byte) bool {
	return len(name) == len("name") && begins(name, "name") || len(name) == len("key") && begins(name, "key")
}

// namedValue leaves out what is named by the value at from, if that is the name of a
// secret: a part of a form, as in name="password" (RFC 7578), or the next member of an
// object, as in {"name":"password","value":"..."}.
func (r *redactor) namedValue(from int) int {
	i := from
	for i < len(r.in) && strings.IndexByte(` \"'`, r.in[i]) >= 0 {
		i++
	}
	end := i
	for end < len(r.in) && classes[r.in[end]]&inName != 0 {
		end++
	}
	if name := r.in[i:end]; !secretName(name) && !r.named(name) {
		return from
	}
	after := r.in[end:]
	for _, line := range [...]string{"\r\n", `\r\n`, `\\r\\n`, `\\\\r\\\\n`, "\n", `\n`, `\\n`, `\\\\n`} {
		if n := bytes.Index(after[:min(len(after), 512)], []byte(line+line)); n >= 0 {
			begin := end + n + 2*len(line)
			if n = bytes.Index(r.in[begin:], []byte(line+"--")); n < 0 {
				n = len(r.in) - begin
			}
			return r.replace(begin, begin+n)
		}
	}
	next := 0
	for next < len(after) && strings.IndexByte(` \"',`, after[next]) >= 0 {
		next++
	}
	if end, value := bytes.IndexByte(after, '}'), []byte(`"value`); end >= 0 { // members between them
		if n := bytes.Index(bytes.ToLower(after[:min(end, 256)]), value); n >= 0 {
			next = n + 1
		}
	}
	if value := after[next:]; len(value) > len("value") && begins(value, "value") {
		for next += len("value"); next < len(after) && strings.IndexByte(` \"':=`, after[next]) >= 0; next++ {
			if c := after[next]; c == ':' || c == '=' {
				return r.value(end+next, c, nil)
			}
		}
	}
	return from
}

// inSource says whether a name is that of a file of source code, and what follows at i the
// number of a line: a stack trace without them would tell little of an authorizer, whose
// files are called auth.js.
func (r *redactor) inSource(name []byte, i int) bool {
	const longest = 6
	end := i
	for end < len(r.in) && end-i <= longest && '0' <= r.in[end] && r.in[end] <= '9' {
		end++
	}
	if end == i || end-i > longest || end < len(r.in) && r.in[end] != ':' && classes[r.in[end]]&inToken != 0 {
		return false
	}
	for _, extension := range [...]string{".js", ".mjs", ".cjs", ".ts", ".py", ".go"} {
		if bytes.HasSuffix(name, []byte(extension)) {
			return true
		}
	}
	return false
}

// named says whether a name is one of the further ones. A line break that is escaped may
// be in front of it.
func (r *redactor) named(name []byte) bool {
	for _, n := range r.names {
		if len(name) >= len(n) && len(name) <= len(n)+1 && strings.EqualFold(string(name[len(name)-len(n):]), n) {
			return true
		}
	}
	return false
}

func hexadecimal(b []byte) bool {
	return len(bytes.Trim(b, "0123456789abcdefABCDEF")) == 0
}

// until gives where the first of some bytes is, or the end.
func (r *redactor) until(from int, any string) int {
	if n := bytes.IndexAny(r.in[from:], any); n >= 0 {
		return from + n
	}
	return len(r.in)
}

// quoted leaves out what is between the quotes at from, which may be those of JSON in a
// string of JSON: then they have backslashes, as many as the quote that ends it.
func (r *redactor) quoted(from int) int {
	begin := from
	for begin < len(r.in) && r.in[begin] == '\\' {
		begin++
	}
	if begin == len(r.in) || r.in[begin] != '"' && r.in[begin] != '\'' {
		return r.replace(from, r.until(from, "\r\n\t \"'"))
	}
	slashes, quote := begin-from, r.in[begin]
	begin++
	end, ending := r.closing(begin, slashes, quote)
	r.replace(begin, end)
	return min(ending, len(r.in))
}

// closing gives where a string ends and where what is after it begins.
func (r *redactor) closing(from, slashes int, quote byte) (end, after int) {
	for i := from; ; i++ {
		n := bytes.IndexByte(r.in[i:], quote)
		if n < 0 {
			return len(r.in), len(r.in)
		}
		i += n
		run := 0
		for i-run > from && r.in[i-run-1] == '\\' {
			run++
		}
		if run%(2*(slashes+1)) == slashes {
			return i - slashes, i + 1
		}
		if run < slashes { // the string around it ends
			return i - run, i - run
		}
	}
}

// list leaves out all strings and numbers of a list at from.
func (r *redactor) list(from int) int {
	i := from + 1
	for i < len(r.in) {
		switch c := r.in[i]; c {
		case ']':
			return i + 1
		case '"', '\'', '\\':
			next := r.quoted(i)
			if next <= i {
				return i + 1
			}
			i = next
		case '{', '[':
			i = r.replace(i, r.structure(i))
		case ' ', ',', '\n', '}', ':':
			i++
		default:
			i = max(i+1, r.replace(i, r.until(i, " ,]\"'\\\r\n")))
		}
	}
	return i
}

// wholeLine says whether what follows has more than one word: a header of that name, or
// the name of an authentication scheme. An escaped line break may be in front of it.
func wholeLine(name []byte) bool {
	lower := strings.ToLower(string(name))
	for _, word := range [...]string{"authorization", "cookie", "cookies", "bearer", "basic", "digest", "aws4-hmac-sha256"} {
		if strings.HasSuffix(lower, word) {
			return true
		}
	}
	return false
}

// secretName is secretParameter for the names that are in events, replies and logs,
// where some that are no secrets are of interest; it is asked very often.
func secretName(name []byte) bool {
	letters := uint32(0)
	for i := len(name) - 1; i >= 0; i-- {
		letters = (letters<<8 | thirdLetter) & classes[name[i]]
		if letters&firstLetter != 0 && beginsSecret(name[i:], letters) {
			return !harmless(name)
		}
	}
	return false
}

// The bits of classes for the groups of secretBeginnings. Going backwards, those that are
// left of (those before<<8 | thirdLetter) are of the groups whose first letters these are.
const (
	thirdLetter = 0xff
	firstLetter = 0xff << 16
)

// beginsSecret says whether a word of one of the groups begins here.
func beginsSecret(rest []byte, groups uint32) bool {
	for group, words := range secretBeginnings {
		if groups>>(16+group)&1 == 0 {
			continue
		}
		for _, word := range words {
			if begins(rest, word) && !(word == "state" && begins(rest, "statement")) {
				return true
			}
		}
	}
	return false
}

// begins says whether name begins with a word in lower case, whatever its own case.
func begins(name []byte, word string) bool {
	if len(name) < len(word) {
		return false
	}
	for i := range len(word) {
		if name[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// harmless are names that have a word of secrets in them and are what a person looks
// for: of the event, of claims, of what Lambda says of an error.
func harmless(name []byte) bool {
	switch string(name) {
	case "routeKey", "isBase64Encoded", "statusCode", "apiKeyId", "accessKey", "auth_time", "token_use", "at_hash", "errorCode",
		"cognitoAuthenticationType", "cognitoAuthenticationProvider", "X-Amz-SignedHeaders", "x-amz-signedheaders", "SignedHeaders", "methodArn", "stage":
		return true
	}
	return false
}

// WithoutTokens gives a text without what has the form of a token.
func WithoutTokens(text string) string {
	if !strings.Contains(text, "eyJ") {
		return text
	}
	r := redactor{in: []byte(text)}
	for i := 0; ; {
		n := strings.Index(text[i:], "eyJ")
		if n < 0 {
			break
		}
		i = r.token(i + n)
	}
	return string(append(r.out, r.in[r.kept:]...))
}
