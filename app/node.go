package app

// A kind is what a YAML value is, in the words the messages use.
type kind int

const (
	// unknown is a value that was reported already (broken syntax, an alias): nothing
	// more is said about it or about what is not found in it.
	unknown kind = iota
	null
	boolean
	integer
	float
	text
	list
	dict
)

// String returns the kind as the second half of "wants X, not Y".
func (k kind) String() string {
	switch k {
	case null:
		return "nothing"
	case boolean:
		return "true or false"
	case integer, float:
		return "a number"
	case text:
		return "text"
	case list:
		return "a list"
	case dict:
		return "a mapping"
	}
	return "something unreadable"
}

// A node is a YAML value with its place. It is what remains of the parser's tree: no
// anchors, tags, comments or styles, and keys are text.
type node struct {
	kind  kind
	span  span
	text  string  // of a scalar: what it reads as; of others than text, as written
	items []*node // of a list
	// entries are a mapping's, each key once.
	entries []entry
	// partial says that an entry was unreadable and is missing from entries.
	partial bool
}

type entry struct {
	key   *node // a text
	value *node
}

func (n *node) get(key string) (entry, bool) {
	for _, e := range n.entries {
		if e.key.text == key {
			return e, true
		}
	}
	return entry{}, false
}

// without returns n but for one entry.
func (n *node) without(key string) *node {
	c := *n
	c.entries = nil
	for _, e := range n.entries {
		if e.key.text != key {
			c.entries = append(c.entries, e)
		}
	}
	return &c
}

// merge lays over on base, as a stage is laid on the rest of the file: mappings are
// merged entry by entry, anything else is replaced. Every value keeps its own place.
func merge(base, over *node) *node {
	if base.kind != dict || over.kind != dict {
		return over
	}
	merged := &node{kind: dict, span: base.span, partial: base.partial || over.partial}
	at := make(map[string]int, len(base.entries))
	for i, e := range base.entries {
		at[e.key.text] = i
		merged.entries = append(merged.entries, e)
	}
	for _, e := range over.entries {
		i, ok := at[e.key.text]
		if !ok {
			merged.entries = append(merged.entries, e)
			continue
		}
		below := merged.entries[i]
		value := merge(below.value, e.value)
		if value == e.value {
			below.key = e.key // replaced: the place of the replacement counts
		}
		merged.entries[i] = entry{key: below.key, value: value}
	}
	return merged
}
