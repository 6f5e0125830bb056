package main

import (
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// proposed completes an argument with names that others have chosen: who has signed up to
// a user pool, as any page in a browser may do, or who has written the declaration. bash
// puts a proposal onto the command line as it is, so that one which a shell would act on,
// or a command take for a flag, is none.
func proposed(names []string) ([]string, cobra.ShellCompDirective) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		acts := func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) && !strings.ContainsRune("_-+.:/@%={}", c)
		}
		return strings.ContainsFunc(name, acts) || name != "" && strings.IndexByte("-@=", name[0]) >= 0
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
