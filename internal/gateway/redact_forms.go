package gateway

import (
	"bytes"
	"slices"
	"strings"
)

// What is particular to one way of writing down a name and a value: percent-encoded,
// in XML, in a URL, as lists and objects, and without quotes.

// longestName bounds how far back a name is read.
const longestName = 128

// nameBefore gives the word in front of a separator, without its quotes, and says whether
// it is secretName. A word that is spelled with escapes may be any.
func (r *redactor) nameBefore(i int) (name []byte, secret, escaped bool) {
	in := r.in
	for end := i; ; {
		for end > r.kept && classes[in[end-1]]&aroundName != 0 {
			end--
		}
		may := uint32(inName)
		if end > r.kept && in[end-1] == ']' { // user[password], as PHP and Rails have it
			may |= isBracket
		}
		begin, letters, all := end, uint32(0), uint32(0)
		for least := max(r.kept, end-longestName); begin > least; begin-- {
			class := classes[in[begin-1]]
			if class&may == 0 {
				break
			}
			all |= class
			if letters = (letters<<8 | thirdLetter) & class; letters&firstLetter != 0 {
				secret = secret || beginsSecret(in[begin-1:end], letters)
			}
		}
		name = in[begin:end]
		changed := all&isPercent != 0
		if begin > r.kept && in[begin-1] == '\\' {
			c, isEscape := escapedByte(name)
			switch {
			case len(name) == 1 && strings.IndexByte("trn", name[0]) >= 0: // a space in front of the separator
				end, secret = begin-1, false
				continue
			case isEscape && (c >= 0x80 || classes[c]&inName != 0):
				escaped = true
			case isEscape && len(name) > 5: // what it stands for, such as "&", is no part of a name
				name, changed = name[5:], true
			case isEscape:
				end, secret = begin-1, false
				continue
			}
		}
		if all&isPercent != 0 {
			name = withoutPercent(name)
		}
		if changed {
			return name, secretName(name), escaped
		}
		return name, secret && !harmless(name), escaped
	}
}

// escapedByte gives what uXXXX at the beginning of a text stands for, behind a backslash;
// 0x80 is any that is not ASCII.
func escapedByte(text []byte) (c byte, ok bool) {
	if len(text) < 5 || text[0] != 'u' || !hexadecimal(text[1:5]) {
		return 0, false
	}
	if text[1] != '0' || text[2] != '0' || text[3] >= '8' {
		return 0x80, true
	}
	return unhex(text[3])<<4 | unhex(text[4]), true
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&31 + 9
}

// withoutPercent decodes what is percent-encoded, and leaves what is none as it is.
func withoutPercent(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && hexadecimal(text[i+1:i+3]) {
			out = append(out, unhex(text[i+1])<<4|unhex(text[i+2]))
			i += 2
			continue
		}
		out = append(out, text[i])
	}
	return out
}

// afterSpaces gives where a value begins. Spaces may be escaped, in a string; line ends are
// some only before what JSON may have there.
func (r *redactor) afterSpaces(i int) int {
	from, at := i, i
	for at < len(r.in) {
		c, next := r.in[at], at+1
		if c == '\\' {
			for next < len(r.in) && r.in[next] == '\\' {
				next++
			}
			if next == len(r.in) || strings.IndexByte("trn", r.in[next]) < 0 {
				break
			}
			c, next = map[byte]byte{'t': '\t', 'r': '\r', 'n': '\n'}[r.in[next]], next+1
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			break
		}
		if from == at && c != '\r' && c != '\n' {
			from = next
		}
		at = next
	}
	if at < len(r.in) && strings.IndexByte(`"'\{[`, r.in[at]) >= 0 {
		return at
	}
	return from
}

// unprefixed gives where the quote is behind the letters of Python's b'...' and its like.
func (r *redactor) unprefixed(from int) int {
	at := from
	for at < len(r.in) && at-from < 2 && strings.IndexByte("burfBURF", r.in[at]) >= 0 {
		at++
	}
	if at > from && at < len(r.in) && (r.in[at] == '\'' || r.in[at] == '"') {
		return at
	}
	return from
}

// unquoted gives where a value without quotes ends. What may be in a password as well as
// behind it, such as a comma, ends it where nothing but such follows.
func (r *redactor) unquoted(from int) int {
	numeric := true
	for i := from; i < len(r.in); {
		n := r.softAt(i)
		if n == 0 {
			if strings.IndexByte(" \t\r\n\"&\\", r.in[i]) >= 0 {
				return i
			}
			numeric = numeric && '0' <= r.in[i] && r.in[i] <= '9'
			i++
			continue
		}
		end := i + n
		for n > 0 && end < len(r.in) {
			n = r.softAt(end)
			end += n
		}
		if numeric || end == len(r.in) || strings.IndexByte(" \t\r\n\"&\\", r.in[end]) >= 0 {
			return i
		}
		i = end
	}
	return len(r.in)
}

// softAt gives how many bytes there are at i of what may be in a value and behind it: as
// it is, or escaped as Go writes it; and of a backslash that is one.
func (r *redactor) softAt(i int) int {
	if strings.IndexByte("',;|<>()[]{}", r.in[i]) >= 0 {
		return 1
	}
	if r.in[i] != '\\' {
		return 0
	}
	n := i
	for n < len(r.in) && r.in[n] == '\\' {
		n++
	}
	if c, ok := escapedByte(r.in[n:min(n+5, len(r.in))]); ok && strings.IndexByte("'<>", c) >= 0 {
		return n + 5 - i
	}
	if n < len(r.in) && strings.IndexByte("\"'/bfnrtu", r.in[n]) < 0 {
		return n - i
	}
	return 0
}

// wholly says whether an object of that name has nothing in it but what is secret. One
// called authorizer, jwt or state has not.
func wholly(name []byte) bool {
	lower := strings.ToLower(string(name))
	for _, word := range [...]string{"passw", "pwd", "passphrase", "secret", "token", "cookie", "credential", "assertion"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// structure gives where a list or an object ends that begins at from, or the string that
// it is in.
func (r *redactor) structure(from int) int {
	depth, level := 0, -1
	for i := from; i < len(r.in); {
		switch r.in[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"', '\'', '\\':
			begin := i
			for begin < len(r.in) && r.in[begin] == '\\' {
				begin++
			}
			slashes := begin - i
			if begin == len(r.in) || r.in[begin] != '"' && r.in[begin] != '\'' {
				i = begin
				continue
			}
			if level < 0 {
				level = slashes
			}
			if slashes < level {
				return i
			}
			_, i = r.closing(begin+1, slashes, r.in[begin])
			continue
		}
		i++
	}
	return len(r.in)
}

// tagBefore gives the name of the XML tag, with attributes, that ends at i.
func (r *redactor) tagBefore(i int) []byte {
	begin := max(r.kept, i-512)
	at := bytes.LastIndexByte(r.in[begin:i], '<') + 1
	if n := bytes.LastIndex(r.in[begin:i], []byte(`\u003c`)); n >= 0 {
		at = max(at, n+len(`\u003c`))
	}
	if at == 0 {
		return nil
	}
	at += begin
	end := at
	for end < i && (classes[r.in[end]]&inName != 0 || r.in[end] == ':') {
		end++
	}
	name := r.in[at:end]
	return name[bytes.LastIndexByte(name, ':')+1:]
}

// element leaves out the content of an XML element.
func (r *redactor) element(from int) int {
	const cdata = "![CDATA["
	for _, tag := range [...]string{"<", `\u003c`, `\\u003c`, `\\\\u003c`} {
		if bytes.HasPrefix(r.in[from:], []byte(tag+cdata)) {
			end := len(r.in)
			if n := bytes.Index(r.in[from:], []byte("]]")); n >= 0 {
				end = from + n
			}
			return r.replace(from+len(tag)+len(cdata), end)
		}
	}
	end := r.until(from, "<\\\"")
	if next := r.until(from, "<"); next+1 < len(r.in) && r.in[next+1] == '/' {
		end = next
	}
	if n := bytes.Index(r.in[from:], []byte(`u003c/`)); n > 0 && from+n < r.until(from, "<") {
		for end = from + n; end > from && r.in[end-1] == '\\'; {
			end--
		}
	}
	return r.replace(from, end)
}

// percent leaves out a value that is percent-encoded with its name, once or more often, as
// JSON in a form is, or a URL in a query. At i is what may begin the separator.
func (r *redactor) percent(i int) int {
	n := i + 1
	for bytes.HasPrefix(r.in[n:], []byte("25")) {
		n += 2
	}
	if n+2 > len(r.in) || r.in[n] != '3' {
		return i + 1
	}
	percent, separator, from := string(r.in[i:n]), r.in[n+1]|0x20, n+2
	if separator != 'a' && separator != 'd' {
		return i + 1
	}
	begin := i
	for begin > r.kept && i-begin < longestName && (classes[r.in[begin-1]]&inName != 0 || r.in[begin-1] == '+') {
		begin--
	}
	name := bytes.TrimRight(r.decoded(begin, i), `+ "'\`)
	name = name[bytes.LastIndexFunc(name, func(c rune) bool { return c > '~' || classes[byte(c)]&inName == 0 && c != '[' && c != ']' })+1:]
	if !secretName(name) && !r.named(name) {
		return from
	}
	for bytes.HasPrefix(r.in[from:], []byte(percent+"20")) {
		from += len(percent + "20")
	}
	hard := r.until(from, "& \t\r\n\"\\")
	value, end := r.in[from:hard], hard
	quote := percent + "22"
	switch quoted, is := bytes.CutPrefix(value, []byte(quote)); {
	case is:
		from += len(quote)
		for at := 0; ; at += len(quote) {
			next := bytes.Index(quoted[at:], []byte(quote))
			if next < 0 {
				break
			}
			if at += next; !bytes.HasSuffix(bytes.ToUpper(quoted[:at]), []byte(percent+"5C")) {
				end = from + at
				break
			}
		}
	case separator == 'a' && bytes.HasPrefix(bytes.ToUpper(value), []byte(percent+"7B")) && !wholly(name):
		return from // its members have names of their own
	case separator == 'a' && !bytes.HasPrefix(bytes.ToUpper(value), []byte(percent+"7B")) && !bytes.HasPrefix(bytes.ToUpper(value), []byte(percent+"5B")):
		end = from + firstOf(value, percent+"2C", percent+"2c", percent+"7D", percent+"7d")
	case separator == 'd':
		end = from + firstOf(value, percent+"26", percent+"23")
	}
	return r.replace(from, end)
}

// decoded gives in[from:to] without what is percent-encoded in it, however often.
func (r *redactor) decoded(from, to int) []byte {
	text := r.in[from:to]
	for range 3 {
		if bytes.IndexByte(text, '%') >= 0 {
			text = withoutPercent(text)
		}
	}
	return text
}

// firstOf gives where the first of some texts is, or the end.
func firstOf(text []byte, any ...string) int {
	first := len(text)
	for _, s := range any {
		if n := bytes.Index(text, []byte(s)); n >= 0 {
			first = min(first, n)
		}
	}
	return first
}

// userinfo leaves out the password of a URL whose "@" is at i (RFC 3986, section 3.2.1).
func (r *redactor) userinfo(i int) int {
	begin := i
	for begin > 0 && i-begin < 256 && strings.IndexByte(" \t\r\n\"'<>", r.in[begin-1]) < 0 {
		begin--
	}
	info := r.in[begin:i]
	at := bytes.LastIndex(info, []byte("//"))
	if n := bytes.LastIndex(info, []byte(`\/\/`)); n >= 0 { // as PHP's JSON has it
		at = max(at, n+2)
	}
	if at < 0 {
		return i + 1
	}
	colon := bytes.IndexByte(info[at:], ':')
	if colon < 0 || bytes.ContainsAny(info[at+2:], "/?#") {
		return i + 1
	}
	r.replace(max(r.kept, begin+at+colon+1), i)
	return i + 1
}

// withoutKeys gives a text without the private keys that are in it (RFC 7468).
func withoutKeys(text []byte) []byte {
	const (
		begins = "-----BEGIN "
		key    = "PRIVATE KEY-----"
		ends   = "-----END"
	)
	for at := 0; ; {
		n := bytes.Index(text[at:], []byte(begins))
		if n < 0 {
			return text
		}
		at += n + len(begins)
		if n = bytes.Index(text[at:min(len(text), at+64)], []byte(key)); n < 0 {
			continue
		}
		at += n + len(key)
		end := bytes.Index(text[at:], []byte(ends))
		if end < 0 {
			if end = bytes.IndexByte(text[at:], '"'); end < 0 {
				end = len(text) - at
			}
		}
		text = slices.Concat(text[:at], []byte(redacted), text[at+end:])
	}
}
