package main

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorwright/doorwright"
)

// TestExplanationJSONIsDocumented holds the help of explain against what --json prints:
// each field is named there, and none that is not.
func TestExplanationJSONIsDocumented(t *testing.T) {
	var fields []string
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if name == "" {
				t.Errorf("%s.%s has no name in JSON", of, of.Field(i).Name)
			}
			fields = append(fields, name)
			walk(of.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[doorwright.Explanation]())
	_, help, _ := strings.Cut(newExplain().Long, "With --json")
	words := regexp.MustCompile(`[A-Za-z]+`).FindAllString(help, -1)
	for _, f := range fields {
		if !slices.Contains(words, f) {
			t.Errorf("the help of explain does not name the field %s", f)
		}
	}
	for _, f := range strings.Fields("requestId verdict steps outcome facts statements conditions advice change where durationNs") {
		if !slices.Contains(fields, f) {
			t.Errorf("%s is gone: what reads --json would break", f)
		}
	}
}
