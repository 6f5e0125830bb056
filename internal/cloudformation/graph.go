package cloudformation

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// graph reports references to nothing, which are a mistake of this package, and
// resources that need one another, of which CloudFormation could make none first.
func (s *synth) graph() error {
	needs := map[string][]string{}
	for id, r := range s.template.Resources {
		refs, err := s.references(id, r.Properties)
		if err != nil {
			return err
		}
		for _, to := range r.DependsOn {
			if _, ok := s.template.Resources[to]; !ok {
				return fmt.Errorf("compiling the template: %s depends on %s, which is not in it", id, to)
			}
		}
		needs[id] = slices.Concat(refs, r.DependsOn)
		slices.Sort(needs[id])
	}
	for name, o := range s.template.Outputs {
		if _, err := s.references("the output "+name, o.Value); err != nil {
			return err
		}
	}
	if cycle := findCycle(needs); cycle != nil {
		s.refuseCycle(cycle)
	}
	return nil
}

// references gives the resources that something refers to.
func (s *synth) references(of string, properties any) ([]string, error) {
	text, err := json.Marshal(properties)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", of, err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("reading %s: %w", of, err)
	}
	var to []string
	for _, id := range idsIn(tree) {
		_, resource := s.template.Resources[id]
		_, parameter := s.template.Parameters[id]
		switch {
		case resource:
			to = append(to, id)
		case !parameter && !strings.HasPrefix(id, "AWS::"):
			return nil, fmt.Errorf("compiling the template: %s refers to %s, which is not in it", of, id)
		}
	}
	return to, nil
}

// variable is a replaced part of an Fn::Sub; with a ! it is none.
var variable = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// idsIn gives the names that the intrinsic functions in a JSON value refer to.
func idsIn(v any) []string {
	var ids []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			ids = append(ids, idsIn(e)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			switch to := v[key].(type) {
			case string:
				if key == "Ref" {
					ids = append(ids, to)
				} else if key == "Fn::Sub" {
					for _, m := range variable.FindAllStringSubmatch(to, -1) {
						id, _, _ := strings.Cut(m[1], ".")
						ids = append(ids, id)
					}
				}
			case []any:
				if id, ok := first(to).(string); ok && key == "Fn::GetAtt" {
					ids = append(ids, id)
					continue
				}
				ids = append(ids, idsIn(to)...)
			default:
				ids = append(ids, idsIn(to)...)
			}
		}
	}
	return ids
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// findCycle gives resources each of which needs the next, and the last the first.
func findCycle(needs map[string][]string) []string {
	const entered, left = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(string) []string
	visit = func(id string) []string {
		state[id] = entered
		path = append(path, id)
		for _, to := range needs[id] {
			switch state[to] {
			case entered:
				return slices.Clone(path[slices.Index(path, to):])
			case left:
			default:
				if cycle := visit(to); cycle != nil {
					return cycle
				}
			}
		}
		path = path[:len(path)-1]
		state[id] = left
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(needs)) {
		if state[id] == 0 {
			if cycle := visit(id); cycle != nil {
				return cycle
			}
		}
	}
	return nil
}

// refuseCycle says which lines of the declaration need one another. The one that most
// often is in the wrong is a function that a user pool runs, which needs the pool: its
// event has what its environment wants to say.
func (s *synth) refuseCycle(cycle []string) {
	var around []string
	at, hint := cycle[0], "take one of these references out"
	for _, id := range cycle {
		r := s.template.Resources[id]
		around = append(around, fmt.Sprintf("%s (line %d)", id, r.Pos.Line))
		if r.Type == "AWS::Lambda::Function" {
			at = id
			hint = "take the reference out of the function's environment; a trigger finds userPoolId and callerContext.clientId in its event"
		}
	}
	s.refuse(s.template.Resources[at].Pos, hint, "CloudFormation cannot make these, each of which needs the next: %s", strings.Join(append(around, cycle[0]), " -> "))
}
