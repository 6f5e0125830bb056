package app

import (
	"fmt"
	"strings"
)

// didYouMean is the hint for a word that is not among known, or "" when none is near.
func didYouMean(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return ""
}

// nearest returns the known word that word was most likely meant to be, or "": the same
// but for case and separators, or within one edit per three characters. Of equals it
// takes the first.
func nearest(word string, known []string) string {
	if len(word) > 200 {
		return "" // nobody means anything by it, and the distance costs its square
	}
	folded := fold(word)
	best, bestDistance := "", max(1, len([]rune(word))/3)+1
	for _, k := range known {
		if len(k) > 200 {
			continue
		}
		d := 0
		if fold(k) != folded {
			d = distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(k)))
			if d == 0 {
				d = 1
			}
		}
		if d < bestDistance && d < max(len(word), len(k)) {
			best, bestDistance = k, d
		}
	}
	return best
}

func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that
// make a into b (optimal string alignment).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// oneOf lists words as a sentence does: a, b or c.
func oneOf(words []string) string {
	switch len(words) {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
