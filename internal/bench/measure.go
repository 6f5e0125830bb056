package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// exe is the ending of a program's name.
var exe = map[bool]string{true: ".exe"}[runtime.GOOS == "windows"]

// result is one row of the table.
type result struct {
	Row  string `json:"row"`
	What string `json:"what"`
	// Measured and Limit are medians of the rounds, in Unit: "ns", "/s" or
	// "MB". A row without a unit was not measured.
	Measured float64 `json:"measured"`
	Limit    float64 `json:"limit"`
	Unit     string  `json:"unit"`
	// Ratio is the median of the rounds' ratios of measured to limit.
	Ratio  float64 `json:"ratio"`
	Target string  `json:"target"`
	// Held is "yes" or "no"; "not yet", "skipped" or "quick" if there is no
	// saying.
	Held string `json:"held"`
	// Allocations are those of one operation.
	Allocations string `json:"allocations,omitempty"`
	Note        string `json:"note,omitempty"`
}

// atMost and atLeast compare the ratio with a target.
func (r result) atMost(target float64) result {
	r.Target, r.Held = fmt.Sprintf("<= %g", target), yesNo(r.Ratio <= target)
	return r
}

func (r result) atLeast(target float64) result {
	r.Target, r.Held = fmt.Sprintf(">= %g", target), yesNo(r.Ratio >= target)
	return r
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// skipped is a row that cannot be measured here.
func skipped(row, what, why string) result {
	return result{Row: row, What: what, Held: "skipped", Note: why}
}

// bounded is a row with a promised bound.
func bounded(row, what, unit string, measured, bound float64) result {
	return result{Row: row, What: what, Unit: unit, Measured: measured, Limit: bound, Ratio: measured / bound}.atMost(1)
}

// side is one of two things that are compared. It gives one figure a round.
type side func() (float64, error)

// alternate has two sides take turns, with a round of each that does not count,
// and gives their medians and the median of the ratios. Who goes first changes
// from round to round.
func alternate(rounds int, ours, limit side) (m result, err error) {
	var a, b, ratios []float64
	for n := range rounds + 1 {
		var x, y float64
		first, second := func() error { x, err = ours(); return err }, func() error { y, err = limit(); return err }
		if n%2 == 1 {
			first, second = second, first
		}
		if err := first(); err != nil {
			return m, err
		}
		if err := second(); err != nil {
			return m, err
		}
		if n > 0 {
			a, b, ratios = append(a, x), append(b, y), append(ratios, x/y)
		}
	}
	return result{Measured: median(a), Limit: median(b), Ratio: median(ratios)}, nil
}

// median sorts what it is given.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// each gives the mean time of n calls, in ns.
func each(n int, do func() error) side {
	return func() (float64, error) {
		start := time.Now()
		for range n {
			if err := do(); err != nil {
				return 0, err
			}
		}
		return float64(time.Since(start)) / float64(n), nil
	}
}

// middle gives the median time of n calls, in ns.
func middle(n int, do func() error) side {
	return func() (float64, error) {
		took := make([]float64, n)
		for i := range took {
			start := time.Now()
			if err := do(); err != nil {
				return 0, err
			}
			took[i] = float64(time.Since(start))
		}
		return median(took), nil
	}
}

// allocations counts those of one call, over n calls, in the whole process.
func allocations(n int, do func() error) (float64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		if err := do(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n), nil
}

// format writes a figure in its unit.
func format(v float64, unit string) string {
	switch unit {
	case "ns":
		d := time.Duration(v)
		switch {
		case d < time.Microsecond:
			return fmt.Sprintf("%d ns", d.Nanoseconds())
		case d < time.Millisecond:
			return fmt.Sprintf("%.1f µs", float64(d)/1e3)
		case d < time.Second:
			return fmt.Sprintf("%.1f ms", float64(d)/1e6)
		}
		return fmt.Sprintf("%.2f s", d.Seconds())
	case "/s", "MB":
		return fmt.Sprintf("%.*f %s", map[bool]int{true: 1}[v < 100], v, unit)
	}
	return ""
}
