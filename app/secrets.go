package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// A Secret is the value of a ${secret:NAME}. However it is printed, logged or encoded,
// it shows as (secret); Reveal returns it.
type Secret struct {
	// value is a pointer because fmt does not call the methods of what is in an
	// unexported field: of a Secret there it prints an address.
	value *string
}

const redacted = "(secret)"

// Reveal returns the value.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String returns "(secret)".
func (s Secret) String() string { return redacted }

// Format writes "(secret)", whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "(secret)".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "(secret)".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// maxDotenv bounds a .env file; Lambda takes 4 KB of variables in all.
const maxDotenv = 256 << 10

// readSecrets reads DIR/.env, then DIR/.env.STAGE over it. Problems are put to p without
// the text they are in: it may be a secret.
func readSecrets(dir, stage string, p *problems) map[string]Secret {
	secrets := make(map[string]Secret)
	for _, name := range []string{".env", ".env." + stage} {
		file := filepath.Join(dir, name)
		data, err := readBounded(file, maxDotenv)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			p.put(&Error{Pos: Pos{File: file}, Message: "reading the secrets: " + cause(err), Err: err})
			continue
		}
		d := dotenv{file: file, p: p, secrets: secrets}
		d.read(string(data))
	}
	return secrets
}

var errTooLarge = errors.New("the file is too large")

// readBounded reads a regular file of at most limit bytes.
func readBounded(file string, limit int64) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return data, nil
}

// cause is the reason of a file error without the path, which the position has.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// A dotenv reads the .env format: lines of NAME=value, with an optional export in front.
// A value is bare (up to a # after a blank, blanks around it dropped), in single quotes
// (as it stands), or in double quotes (with \n, \r, \t, \", \\ and \$); a quoted value
// may go over several lines. Nothing is expanded: a secret that holds a $ is that
// secret.
type dotenv struct {
	file    string
	p       *problems
	secrets map[string]Secret
}

func (d *dotenv) fail(line, column int, hint, format string, args ...any) {
	d.p.put(&Error{Pos: Pos{File: d.file, Line: line, Column: column}, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (d *dotenv) read(text string) {
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	if !utf8.ValidString(text) {
		d.fail(0, 0, "save the file as UTF-8", "the text is not UTF-8")
		return
	}
	for line := 1; text != ""; {
		var used int
		used, text = d.assignment(text, line)
		line += used
	}
}

// assignment reads one assignment, comment or empty line from the start of text, and
// returns how many lines it took and what follows.
func (d *dotenv) assignment(text string, line int) (lines int, rest string) {
	first, after, _ := strings.Cut(text, "\n")
	s := strings.TrimLeft(first, " \t")
	column := len([]rune(first)) - len([]rune(s)) + 1
	if s == "" || s[0] == '#' {
		return 1, after
	}
	if t, ok := strings.CutPrefix(s, "export"); ok && t != "" && (t[0] == ' ' || t[0] == '\t') {
		t = strings.TrimLeft(t, " \t")
		column += len(s) - len(t)
		s = t
	}
	name, value, ok := strings.Cut(s, "=")
	name = strings.TrimRight(name, " \t")
	if !ok {
		d.fail(line, column, "write NAME=value", "this line is not an assignment")
		return 1, after
	}
	if !variableName.MatchString(name) {
		d.fail(line, column, "a variable name is letters, digits and _, not starting with a digit", "what is before the = cannot be the name of a variable")
		return 1, after
	}
	value = strings.TrimLeft(value, " \t")
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		column += len([]rune(s)) - len([]rune(value))
		return d.quoted(name, text[len(first)-len(value):], line, column)
	}
	for i := range value {
		if value[i] == '#' && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	value = strings.TrimRight(value, " \t")
	d.secrets[name] = Secret{&value}
	return 1, after
}

// quoted reads a quoted value; text starts with the quote.
func (d *dotenv) quoted(name, text string, line, column int) (lines int, rest string) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			tail, after, _ := strings.Cut(text[i+1:], "\n")
			lines = strings.Count(text[:i], "\n") + 1
			if tail = strings.TrimLeft(tail, " \t"); tail != "" && tail[0] != '#' {
				d.fail(line+lines-1, 1, `end the value with the quote; inside double quotes write \" for "`, "something follows the quoted value of %s", name)
				return lines, after
			}
			value := b.String()
			d.secrets[name] = Secret{&value}
			return lines, after
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			if e := strings.IndexByte(`nrt"\$`, text[i]); e >= 0 {
				b.WriteByte("\n\r\t\"\\$"[e])
			} else {
				b.WriteByte('\\')
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	d.fail(line, column, "add the closing quote", "the quoted value of %s is not closed", name)
	return 1, "" // what follows may be the value
}
