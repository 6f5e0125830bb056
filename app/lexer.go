package app

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// tokenize is goccy/go-yaml's lexer but for one thing. Within a flow mapping, that
// lexer takes every colon for the end of a key. In YAML a colon ends a plain key only
// if a space, a line break or one of ,[]{} follows (YAML 1.2.2, rule 129,
// ns-plain-safe): the scope in {scopes: [read:unicorn]} is one text.
func tokenize(text string) token.Tokens {
	in := lexer.Tokenize(text)
	out := make(token.Tokens, 0, len(in))
	for i := 0; i < len(in); i++ {
		t := in[i]
		if n := len(out); t.Type == token.MappingValueType && n > 0 && i+1 < len(in) && plainAround(out[n-1], t, in[i+1]) {
			joinPlain(out[n-1], t, in[i+1])
			i++
			continue
		}
		out = append(out, t)
	}
	for i, t := range out {
		t.Prev, t.Next = nil, nil
		if i > 0 {
			t.Prev, out[i-1].Next = out[i-1], t
		}
	}
	return out
}

// plainAround reports whether a colon stands within a plain scalar: text touches it on
// both sides.
func plainAround(before, colon, after *token.Token) bool {
	return plain(before) && plain(after) &&
		before.Position.Line == colon.Position.Line && colon.Position.Line == after.Position.Line &&
		before.Position.Column+utf8.RuneCountInString(before.Value) == colon.Position.Column &&
		after.Position.Column == colon.Position.Column+1 && !strings.HasPrefix(after.Origin, " ")
}

// plain reports whether a token is a scalar without quotes.
func plain(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.NullType,
		token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.InfinityType, token.NanType:
		return true
	}
	return false
}

// joinPlain makes one text of a token, the colon after it, and the token after that.
func joinPlain(before, colon, after *token.Token) {
	before.Type = token.StringType
	before.CharacterType = token.CharacterTypeMiscellaneous
	before.Indicator = token.NotIndicator
	before.Value += ":" + after.Value
	before.Origin += colon.Origin + after.Origin
}
