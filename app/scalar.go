package app

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// boolean takes true and false only. The yes and on of YAML 1.1 are texts in YAML 1.2,
// so taking them here would read the file otherwise than an editor does.
func (w *walker) boolean(n *node, v reflect.Value, what string) {
	if n.kind != boolean {
		hint := "write true or false"
		switch strings.ToLower(n.text) {
		case "yes", "on", "y", "true", "1":
			hint = "write true, without quotes"
		case "no", "off", "n", "false", "0":
			hint = "write false, without quotes"
		}
		w.wrong(n, hint, what, "true or false")
		return
	}
	v.SetBool(strings.EqualFold(n.text, "true"))
}

var decimal = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

func (w *walker) integer(n *node, v reflect.Value, f *field, what string) {
	if n.kind != integer {
		hint := ""
		if n.kind == text && decimal.MatchString(strings.TrimSpace(n.text)) {
			hint = "write it without quotes: " + strings.TrimSpace(n.text)
		}
		w.wrong(n, hint, what, "a whole number")
		return
	}
	if !decimal.MatchString(n.text) {
		w.p.add(n.span, "write it with decimal digits only", "%s must be a plain decimal number, not %s", what, n.text)
		return
	}
	i, err := strconv.Atoi(n.text)
	low, _ := strconv.Atoi(f.min)
	high, _ := strconv.Atoi(f.max)
	if err != nil || i < low || i > high {
		w.p.add(n.span, fmt.Sprintf("write a number from %d to %d", low, high), "%s must be from %d to %d, not %s", what, low, high, n.text)
		return
	}
	v.SetInt(int64(i))
}

func (w *walker) duration(n *node, v reflect.Value, f *field, what string) {
	if n.kind == integer || n.kind == float {
		hint := "write a number with its unit (ms, s, m, h or d), such as 30s"
		if n.kind == integer && decimal.MatchString(n.text) {
			hint = fmt.Sprintf("write the unit: %ss for seconds, %sm for minutes", n.text, n.text)
		}
		w.wrong(n, hint, what, "a duration")
		return
	}
	if n.kind != text {
		w.wrong(n, "write a number with its unit (ms, s, m, h or d), such as 30s", what, "a duration")
		return
	}
	d, ok := parseDuration(n.text)
	if !ok {
		w.p.add(n.span, "write a number with its unit (ms, s, m, h or d), such as 30s or 1h30m", "%s: %q is not a duration", what, n.text)
		return
	}
	low, _ := parseDuration(f.min)
	high, _ := parseDuration(f.max)
	step, _ := parseDuration(f.step)
	switch {
	case d < low || d > high:
		w.p.add(n.span, fmt.Sprintf("write a duration from %s to %s", formatDuration(low), formatDuration(high)),
			"%s must be from %s to %s, not %s", what, formatDuration(low), formatDuration(high), n.text)
	case d%step != 0:
		unit := map[time.Duration]string{time.Minute: "minutes", time.Second: "seconds", time.Millisecond: "milliseconds"}[step]
		w.p.add(n.span, "", "%s must be whole %s, not %s", what, unit, n.text)
	default:
		v.SetInt(int64(d))
	}
}

// plain returns the text of n, or reports that it is none.
func (w *walker) plain(n *node, what string) bool {
	switch {
	case n.kind == text:
		return true
	case n.kind == boolean || n.kind == integer || n.kind == float:
		w.wrong(n, fmt.Sprintf("put it in quotes: %q", n.text), what, "text")
	case n.kind == dict && what == "userPool": // as the CDK and its like have it
		w.wrong(n, "write the name of the pool alone, and names of its clients as clients: [NAME]", what, "text")
	default:
		w.wrong(n, "", what, "text")
	}
	return false
}

func (w *walker) text(n *node, v reflect.Value, f *field, what string) {
	if !w.plain(n, what) {
		return
	}
	s := n.text
	what = strings.TrimPrefix(what, itemOf)
	switch {
	case slices.Contains(f.later, s):
		w.p.add(n.span, "", "%s %s %s", what, s, unsupported)
		return
	case f.variables && !w.policyVariables(n):
		return
	case strings.Contains(s, "${") && !f.variables:
		w.p.add(n.span, "write the value itself", "%s cannot hold a ${...} reference", what)
		return
	case len(f.enum) > 0 && !slices.Contains(f.enum, s):
		hint := didYouMean(s, f.enum)
		if hint == "" {
			hint = "write " + oneOf(f.enum)
		}
		w.p.add(n.span, hint, "%s: %q is not one of %s", what, s, strings.Join(f.enum, ", "))
		return
	case f.grammar != nil && !f.grammar.matches(s):
		w.p.add(n.span, f.grammar.hint(s), "%s: %q is not %s", what, s, article(f.grammar.name))
		return
	}
	v.SetString(s)
}

func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiouAIO") {
		return "an " + noun
	}
	return "a " + noun
}

func (w *walker) expr(n *node, v reflect.Value, f *field, what string) {
	if !w.plain(n, what) {
		return
	}
	if n.text == "" && f.nonEmpty {
		w.p.add(n.span, "", "%s is empty", what)
		return
	}
	e, ok := w.parseExpr(n)
	w.exprs = append(w.exprs, &placedExpr{Expr: e, is: f.refs})
	if ok {
		v.Set(reflect.ValueOf(e))
	}
}
