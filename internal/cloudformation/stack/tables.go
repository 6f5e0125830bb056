package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const tableType = "AWS::DynamoDB::Table"

// A table is what a template says of one that DynamoDB changes in steps alone.
type table struct {
	GlobalSecondaryIndexes []struct {
		IndexName             string
		KeySchema, Projection any
	}
	TimeToLiveSpecification struct{ AttributeName string }
}

// indexes gives what the global indexes are, by name.
func (t table) indexes() map[string]string {
	all := map[string]string{}
	for _, g := range t.GlobalSecondaryIndexes {
		all[g.IndexName] = fmt.Sprint(g.KeySchema, g.Projection)
	}
	return all
}

// tables compares the declared tables with those of the last deploy, in what one update
// cannot do: make or delete more than one global index, change one, or let another
// attribute say when an item ends. "You can delete or add one global secondary index
// without interruption. If you do both in the same update [...] the update fails."
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
func (c *checking) tables(context.Context) error {
	for _, id := range c.t.of(tableType) {
		if c.live[id] == "" || c.before.Resources[id].Type != tableType {
			continue
		}
		var want, before table
		err := json.Unmarshal(c.t.Resources[id].Properties, &want)
		if err == nil {
			err = json.Unmarshal(c.before.Resources[id].Properties, &before)
		}
		if err != nil {
			return fmt.Errorf("reading %s in the template: %w", id, err)
		}
		c.compareIndexes(id, want.indexes(), before.indexes())
		w, b := want.TimeToLiveSpecification.AttributeName, before.TimeToLiveSpecification.AttributeName
		if w != "" && b != "" && w != b {
			c.refuse(c.d.Positions[id], "take the change back; or take timeToLive out, deploy, and an hour later write the new one and deploy again: in between nothing ends",
				"the items of %s (%s) end by the attribute %s, and DynamoDB does not let %s take its place in one deploy", id, c.live[id], b, w)
		}
	}
	return nil
}

func (c *checking) compareIndexes(id string, want, before map[string]string) {
	var other []string // made or deleted
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch was, there := before[name]; {
		case !there:
			other = append(other, "+ "+name)
		case was != want[name]:
			c.refuse(c.d.Positions[id], "give the index another name: it is made by one deploy, and the old one deleted by the next, when nobody reads it any more",
				"the index %s of %s (%s) has other keys, or another projection, than before, and an index is never changed", name, id, c.live[id])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, stays := want[name]; !stays {
			other = append(other, "- "+name)
		}
	}
	if len(other) > 1 {
		c.refuse(c.d.Positions[id], "make or delete one index in each deploy",
			"%s (%s) would have %d global indexes made or deleted (%s), and DynamoDB does one in an update", id, c.live[id], len(other), strings.Join(other, ", "))
	}
}
