package build

import (
	"context"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// goPosition is a line of go build's output that has a position. A Windows path
// begins with a drive and a colon.
var goPosition = regexp.MustCompile(`^((?:[A-Za-z]:)?[^:\n]+):(\d+)(?::(\d+))?: (.*)$`)

// maxDiagnostics bounds how many diagnostics a build gives. The Go compiler
// stops at ten for each package by itself.
const maxDiagnostics = 50

// parseGo reads what go build wrote to standard error. Files are relative to
// the folder it ran in. Lines that begin with a tab continue the one before.
func parseGo(root, out string) []Diagnostic {
	var diags []Diagnostic
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" || strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "go: downloading "):
		case strings.HasSuffix(line, ": too many errors"):
		case strings.HasPrefix(line, "\t"):
			if n := len(diags); n > 0 {
				continueGo(&diags[n-1], strings.TrimSpace(line))
			}
		case len(diags) == maxDiagnostics:
			return diags
		default:
			diags = append(diags, parseGoLine(root, line))
		}
	}
	for i, d := range diags {
		diags[i].Snippet = snippet(d.File, d.Line)
	}
	return diags
}

// parseGoLine reads one line.
func parseGoLine(root, line string) Diagnostic {
	m := goPosition.FindStringSubmatch(line)
	if m == nil {
		return Diagnostic{Message: clip(strings.TrimPrefix(line, "go: "))}
	}
	d := Diagnostic{File: m[1], Message: strings.TrimSuffix(m[4], "; to add it:")}
	if !filepath.IsAbs(d.File) {
		d.File = filepath.Join(root, d.File)
	}
	d.Line, _ = strconv.Atoi(m[2])
	d.Column, _ = strconv.Atoi(m[3])
	return d
}

// continueGo adds a continuation: a command to run is the hint, anything else
// ("have (int)", "want (string)") belongs to the message.
func continueGo(d *Diagnostic, line string) {
	if strings.HasPrefix(line, "go get ") || strings.HasPrefix(line, "go mod ") || strings.HasPrefix(line, "go work ") {
		d.Hint = line
		return
	}
	d.Message += "; " + line
}

// blame says which handlers a failed build's diagnostics belong to: those that
// import the folder of the file. Where a diagnostic names no file, such as one
// about go.mod, each handler is built alone to see.
func (g *goGroup) blame(ctx context.Context, diags []Diagnostic, group []source, indices []int, listed map[string]goPackage) map[int][]Diagnostic {
	blamed := map[int][]Diagnostic{}
	for _, d := range diags {
		dir := realPath(filepath.Dir(d.File))
		for _, i := range indices {
			if d.File != "" && listed[group[i].path].dirs[dir] {
				blamed[i] = append(blamed[i], d)
			}
		}
	}
	switch {
	case len(blamed) > 0:
	case len(indices) == 1:
		blamed[indices[0]] = diags
	default:
		for _, i := range indices {
			if own := g.compile(ctx, group, []int{i}); own != nil {
				blamed[i] = own
			}
		}
	}
	return blamed
}
