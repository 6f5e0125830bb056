package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// goesFirst are the parts of a REST API that have to be gone before the deployment is
// made which is to be without them: routes, answers, and the segments of paths.
var goesFirst = []string{"AWS::ApiGateway::Method", "AWS::ApiGateway::GatewayResponse", "AWS::ApiGateway::Resource"}

// withoutRoutes gives the template that a stack has, but for those parts of its REST
// APIs that the one it is to get does not have; nil if there are none.
//
// CloudFormation deletes at the end of an update, when everything else is made. A
// deployment is a picture of the API as it is made: it would show a route for ever
// which the declaration does not have any more, open to whom it was. And of the
// parameters below one path there is one name at a time, so that {id} could not become
// {name} ("A sibling ({id}) of this resource already has a variable path part").
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
// https://github.com/aws/aws-cdk/issues/14660, https://github.com/aws/aws-cdk/issues/25172
//
// The stack's own template is what this takes from, and not the new one: until the new
// deployment is made the old one answers, by the functions that it has.
func withoutRoutes(has []byte, want template) (text []byte, gone []string, err error) {
	var t map[string]any
	if len(has) == 0 {
		return nil, nil, nil
	}
	if err := json.Unmarshal(has, &t); err != nil {
		return nil, nil, fmt.Errorf("reading the stack's template: %w", err)
	}
	resources, _ := t["Resources"].(map[string]any)
	for id, v := range resources {
		var r struct {
			Type       string
			Properties struct {
				RestAPIID struct{ Ref string } `json:"RestApiId"`
			}
		}
		if err := convert(v, &r); err != nil {
			return nil, nil, fmt.Errorf("reading %s in the stack's template: %w", id, err)
		}
		_, stays := want.Resources[id]
		apiStays := want.Resources[r.Properties.RestAPIID.Ref].Type == "AWS::ApiGateway::RestApi" // else it goes as a whole
		if slices.Contains(goesFirst, r.Type) && !stays && apiStays {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return nil, nil, nil
	}
	slices.Sort(gone)
	for _, id := range gone {
		delete(resources, id)
	}
	for _, v := range resources {
		r, _ := v.(map[string]any)
		if needs, ok := r["DependsOn"].([]any); ok {
			r["DependsOn"] = slices.DeleteFunc(needs, func(id any) bool { return slices.Contains(gone, fmt.Sprint(id)) })
		}
	}
	if text, err = json.Marshal(t); err != nil {
		return nil, nil, fmt.Errorf("writing the stack's template: %w", err)
	}
	return text, gone, nil
}

func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// routesNote says in a plan what happens before the rest of it.
func routesNote(gone []string) []string {
	if len(gone) == 0 {
		return nil
	}
	return []string{"removed first, in an update before the others, so that the new deployment of the REST API is without them: " + strings.Join(gone, ", ")}
}

// dropRoutes brings the stack to the template that withoutRoutes gave.
func (r *deploying) dropRoutes(ctx context.Context, stack *types.Stack, text []byte, gone []string) error {
	r.progress("removing what REST APIs of stack %s do not have any more: %s", r.name, strings.Join(gone, ", "))
	r.executing = true
	now, failed, err := r.rewrite(ctx, stack, rewriting{doing: "deploying stack " + r.name, verb: "deploy", template: text, positions: r.d.Positions})
	if err != nil {
		return err
	}
	if now == nil || now.StackStatus != types.StackStatusUpdateComplete {
		r.executing = false
		return r.failure("deploying stack "+r.name, now, failed, afterFailure(now))
	}
	r.executing = false
	return nil
}
