package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"strings"
	"testing"
)

var everyRow = flag.Bool("every-row", false, "measure every row of the benchmarks, which takes half a minute")

// TestQuick runs the whole program and wants every row, in both forms. How fast
// anything is does not matter here.
func TestQuick(t *testing.T) {
	if !*everyRow {
		t.Skip("-every-row is not set")
	}
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-json"}, &out, &progress); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	got := map[string]result{}
	for line := range strings.Lines(out.String()) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got[r.Row] = r
	}
	for _, g := range groups() {
		for _, row := range g.rows {
			r, ok := got[row]
			delete(got, row)
			switch {
			case !ok:
				t.Errorf("the row %s is missing", row)
			case r.Held == "not yet", r.Held == "skipped":
				if r.Note == "" {
					t.Errorf("%s says %q and not why", row, r.Held)
				}
			case r.Held != "yes" && r.Held != "no", r.Unit == "", r.Measured <= 0 && row != "memory-forged", r.Limit <= 0, r.Target == "", r.What == "":
				t.Errorf("%s is not whole: %+v", row, r)
			}
		}
	}
	for row := range got {
		t.Errorf("the row %s is in no group", row)
	}
	table := new(bytes.Buffer)
	if err := printTable(table, []result{{Row: "a-row", Unit: "ns", Measured: 1500, Limit: 1000, Ratio: 1.5, Target: "<= 1", Held: "no", Note: "a reason"}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"row ", "a-row  1.5 µs    1.0 µs  1.5    <= 1    no", "a-row: a reason"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

// TestSelection wants one row of a group, and an error where there is none.
func TestSelection(t *testing.T) {
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-row", "verify-hit"}, &out, &progress); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "verify-hit") || strings.Contains(out.String(), "verify-miss") || strings.Contains(out.String(), "gateway") {
		t.Errorf("%s", out.String())
	}
	if err := run(t.Context(), []string{"-row", "nothing"}, &out, &progress); err == nil {
		t.Error("a row that there is none of was measured")
	}
}
