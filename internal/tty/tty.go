// Package tty says what may be shown on a person's terminal, and given to the shell
// in it, of a text that comes from elsewhere: a request, a function, a repository that
// was cloned.
//
// It imports nothing of ours.
package tty

import (
	"strings"
	"unicode"
)

// Acts says whether a character does more than show itself: C0 and C1, and what turns
// the direction of the text around it, so that a line reads as another.
func Acts(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// ShellWord writes a text so that a POSIX shell reads it as one word, and as nothing
// else. What a shell might expand is quoted, a first = too, which zsh takes for a
// command's path.
func ShellWord(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,="
	if s != "" && s[0] != '=' && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
