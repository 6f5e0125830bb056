package app

import (
	"math"
	"reflect"
	"strconv"
)

// An Object is data of the user's own, with whatever keys and values JSON has. What
// looks like a reference in it is text.
type Object map[string]any

var objectType = reflect.TypeFor[Object]()

// object reads data of the user's own.
func (w *walker) object(n *node, v reflect.Value, path, what string) {
	if n.kind != dict {
		w.opaque[path] = true
		w.wrong(n, "", what, "a mapping")
		return
	}
	v.Set(reflect.ValueOf(Object(w.data(n, what).(map[string]any))))
}

// data gives a node as encoding/json would have it.
func (w *walker) data(n *node, what string) any {
	switch n.kind {
	case boolean:
		return n.text == "true"
	case integer:
		if i, err := strconv.ParseInt(n.text, 0, 64); err == nil {
			return i
		}
		return w.float(n, what)
	case float:
		return w.float(n, what)
	case text:
		return n.text
	case list:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = w.data(item, what)
		}
		return items
	case dict:
		members := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			members[e.key.text] = w.data(e.value, what)
		}
		return members
	}
	return nil
}

func (w *walker) float(n *node, what string) any {
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		w.p.add(n.span, "put it in quotes", "%s is not a number that JSON has, in %s", n.text, what)
		return nil
	}
	return f
}
