package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	local "github.com/doorwright/doorwright/internal/aws"
)

// restParts are the parts of a REST API that have to be gone before the deployment is
// made which is to be without them: routes, answers, and the segments of paths.
var restParts = []string{"AWS::ApiGateway::Method", "AWS::ApiGateway::GatewayResponse", "AWS::ApiGateway::Resource"}

const httpRouteType = "AWS::ApiGatewayV2::Route"

// apiPart is what we read of a part of an API in a template.
type apiPart struct {
	Type       string
	Properties struct {
		RestAPIID struct{ Ref string } `json:"RestApiId"`
		APIID     struct{ Ref string } `json:"ApiId"`
		RouteKey  string
	}
}

// goneRoutes are the parts of APIs that go before the rest of an update, by logical id.
type goneRoutes struct {
	rest, http []string
	template   []byte // the stack's without them
}

// withoutRoutes finds what a stack has, and the template that it is to get has not, and
// what has to be gone before the latter is made; nil if there is nothing of the kind.
//
// CloudFormation deletes at the end of an update, when everything else is made. A
// deployment of a REST API is a picture of it as it is made: it would show a route for
// ever which the declaration does not have any more, open to whom it was. And below one
// path there is one variable at a time, so that {id} could not become {name}: "A sibling
// ({id}) of this resource already has a variable path part", and of an HTTP API "has a
// conflicting variable on the same hierarchical level as".
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
// https://github.com/aws/aws-cdk/issues/14660, https://github.com/aws/aws-cdk/issues/25172
//
// The stack's own template is what this takes from, and not the new one: until its new
// deployment is made the old one of a REST API answers, by the functions that it has.
func withoutRoutes(has []byte, want template) (*goneRoutes, error) {
	if len(has) == 0 {
		return nil, nil
	}
	var t map[string]any
	if err := json.Unmarshal(has, &t); err != nil {
		return nil, fmt.Errorf("reading the stack's template: %w", err)
	}
	resources, _ := t["Resources"].(map[string]any)
	var gone goneRoutes
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		var p apiPart
		if err := convert(resources[id], &p); err != nil {
			return nil, fmt.Errorf("reading %s in the stack's template: %w", id, err)
		}
		if _, stays := want.Resources[id]; stays {
			continue
		}
		first, err := want.goesFirst(p)
		switch {
		case err != nil:
			return nil, err
		case first && p.Type == httpRouteType:
			gone.http = append(gone.http, id)
		case first:
			gone.rest = append(gone.rest, id)
		}
	}
	if len(gone.all()) == 0 {
		return nil, nil
	}
	for _, id := range gone.all() {
		delete(resources, id)
	}
	for _, v := range resources {
		r, _ := v.(map[string]any)
		if needs, ok := r["DependsOn"].([]any); ok {
			if r["DependsOn"] = slices.DeleteFunc(needs, func(id any) bool { return slices.Contains(gone.all(), fmt.Sprint(id)) }); len(r["DependsOn"].([]any)) == 0 {
				delete(r, "DependsOn")
			}
		}
	}
	var err error
	if gone.template, err = json.Marshal(t); err != nil {
		return nil, fmt.Errorf("writing the stack's template: %w", err)
	}
	return &gone, nil
}

func (g *goneRoutes) all() []string { return slices.Concat(g.rest, g.http) }

// notes say in a plan what happens before the rest of it.
func (g *goneRoutes) notes() []string {
	var notes []string
	if g != nil && len(g.rest) > 0 {
		notes = append(notes, "removed first, in an update of their own, so that the new deployment of the REST API is without them: "+strings.Join(g.rest, ", "))
	}
	if g != nil && len(g.http) > 0 {
		notes = append(notes, "removed first, since another name of their variable takes their place, which answers some moments later: "+strings.Join(g.http, ", "))
	}
	return notes
}

// goesFirst says whether a part of an API that is not in the template any more has to be
// gone before what is in it is made. An API that goes as a whole needs nothing first.
func (t template) goesFirst(p apiPart) (bool, error) {
	switch {
	case slices.Contains(restParts, p.Type):
		return t.Resources[p.Properties.RestAPIID.Ref].Type == "AWS::ApiGateway::RestApi", nil
	case p.Type != httpRouteType:
		return false, nil
	}
	for _, id := range t.of(httpRouteType) {
		var other apiPart
		if err := json.Unmarshal(t.Resources[id].Properties, &other.Properties); err != nil {
			return false, fmt.Errorf("reading %s in the template: %w", id, err)
		}
		if other.Properties.APIID == p.Properties.APIID && local.VariablesConflict(other.Properties.RouteKey, p.Properties.RouteKey) {
			return true, nil
		}
	}
	return false, nil
}

func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// dropRoutes brings the stack to the template without them.
func (r *deploying) dropRoutes(ctx context.Context, stack *types.Stack, gone *goneRoutes) error {
	doing := "deploying stack " + r.name
	r.progress("removing what has to go first: %s", strings.Join(gone.all(), ", "))
	r.executing = true
	now, failed, err := r.rewrite(ctx, stack, rewriting{doing: doing, verb: "deploy", template: gone.template, positions: r.d.Positions})
	if err != nil {
		return err
	}
	r.executing = false
	if now == nil || now.StackStatus != types.StackStatusUpdateComplete {
		return r.failure(doing, now, failed, afterFailure(now))
	}
	return nil
}
