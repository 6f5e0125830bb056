package app

import (
	"fmt"
	"net/url"
	"slices"
)

// table checks that the keys of indexes are fields, and that indexes differ.
func (c *checker) table(path string, t *Table) {
	if t == nil || c.opaque[path] {
		return
	}
	c.engine(path+".engine", t)
	if !c.readable(path) || !c.readable(path+".fields") {
		return
	}
	key := func(at, field, other string) {
		switch typ, ok := t.Fields.Get(field); {
		case field == "":
		case !ok:
			hint := didYouMean(field, t.Fields.Keys())
			if hint == "" {
				hint = fmt.Sprintf("add %s: string to the fields", field)
			}
			c.at(at, hint, "there is no field %q", field)
		case typ != "" && field == other:
			c.at(at, "name another field", "the partition key and the sort key are both %q", field)
		}
	}
	partition := ""
	if p := t.PrimaryIndex; p != nil {
		partition = p.PartitionKey
		key(path+".primaryIndex.partitionKey", p.PartitionKey, "")
		key(path+".primaryIndex.sortKey", p.SortKey, p.PartitionKey)
		if p.SortKey == "" && t.LocalIndexes.Len() > 0 && c.readable(path+".primaryIndex") && c.readable(path+".primaryIndex.sortKey") {
			c.key(path+".localIndexes", "write globalIndexes:, or add sortKey: to the primaryIndex", "local indexes are for tables whose primary index has a sort key")
		}
	}
	for name, g := range t.GlobalIndexes.All() {
		if at := join(path+".globalIndexes", name); g != nil && !c.opaque[at] {
			key(at+".partitionKey", g.PartitionKey, "")
			key(at+".sortKey", g.SortKey, g.PartitionKey)
			c.projection(at+".projection", g.Projection)
		}
	}
	for name, l := range t.LocalIndexes.All() {
		at := join(path+".localIndexes", name)
		if _, both := t.GlobalIndexes.Get(name); both {
			c.key(at, "give it another name", "%s is already a global index", name)
		}
		if l != nil && !c.opaque[at] {
			key(at+".sortKey", l.SortKey, partition)
			c.projection(at+".projection", l.Projection)
		}
	}
	if _, isKey := t.Fields.Get(t.TimeToLive); isKey && t.TimeToLive != "" && t.PrimaryIndex != nil &&
		(t.TimeToLive == t.PrimaryIndex.PartitionKey || t.TimeToLive == t.PrimaryIndex.SortKey) {
		c.at(path+".timeToLive", "name another attribute", "the attribute that says when an item ends cannot be a key of the table")
	}
}

// projection checks that all and keys_only stand alone.
func (c *checker) projection(at string, list []string) {
	for _, word := range []string{"all", "keys_only"} {
		if len(list) > 1 && slices.Contains(list, word) {
			c.at(at, "write "+word+" alone, or the attributes", "%s is not an attribute beside others", word)
		}
	}
}

// engine checks the address of a table's engine.
func (c *checker) engine(at string, t *Table) {
	s, ok := c.literal(t.Engine)
	if !ok || t.Engine.IsZero() {
		return
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		c.at(at, "write http://host:port", "an engine must be an http or https URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Path != "" && u.Path != "/":
		c.at(at, "write http://host:port", "an engine's URL has no user, path, query or fragment")
	}
}

// bucketCORS checks the rules of a bucket's cors.
func (c *checker) bucketCORS(path string, b *Bucket) {
	seen := make(map[string]bool)
	for i, r := range b.CORS {
		if r == nil || r.ID == "" {
			continue
		}
		if seen[r.ID] {
			c.at(fmt.Sprintf("%s[%d].id", path, i), "give each rule its own", "two rules have the id %q", r.ID)
		}
		seen[r.ID] = true
	}
}
