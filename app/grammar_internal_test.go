package app

import (
	"slices"
	"testing"
)

// TestPatternsCompile asks each pattern: no start compiles one that it does not need.
func TestPatternsCompile(*testing.T) {
	for _, g := range slices.Concat(grammars, accessGrammars) {
		g.matches("") // panics
	}
}
