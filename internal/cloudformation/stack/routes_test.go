package stack_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation/stack"
)

// deployments makes those that are new: pictures of what the API has at that time, which
// is what an update has made and what it deletes at its end.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
func (f *fake) deployments(before, now map[string]parsedResource) {
	all := maps.Clone(now)
	maps.Copy(all, before)
	for id, r := range now {
		if _, was := before[id]; was || r.Type != "AWS::ApiGateway::Deployment" {
			continue
		}
		if f.pictures == nil {
			f.pictures = map[string][]string{}
		}
		f.pictures[id] = []string{}
		for _, part := range sortedKeys(all) {
			if slices.Contains([]string{"AWS::ApiGateway::Method", "AWS::ApiGateway::GatewayResponse"}, all[part].Type) {
				f.pictures[id] = append(f.pictures[id], part)
			}
		}
	}
}

// sibling says why a segment of a path cannot be made, or a route.
func sibling(id string, r parsedResource, before map[string]parsedResource) string {
	if _, was := before[id]; !was && r.Type == "AWS::ApiGatewayV2::Route" {
		for _, other := range before {
			if key, there := r.Properties["RouteKey"].(string), fmt.Sprint(other.Properties["RouteKey"]); other.Type == r.Type && shape(key) == shape(there) {
				return "The provided route key \"" + key + "\" has a conflicting variable on the same hierarchical level as \"" + there + "\""
			}
		}
	}
	if _, was := before[id]; was || r.Type != "AWS::ApiGateway::Resource" || !strings.HasPrefix(fmt.Sprint(r.Properties["PathPart"]), "{") {
		return ""
	}
	for _, other := range before {
		if part := fmt.Sprint(other.Properties["PathPart"]); other.Type == r.Type && strings.HasPrefix(part, "{") && fmt.Sprint(other.Properties["ParentId"]) == fmt.Sprint(r.Properties["ParentId"]) {
			return "A sibling (" + part + ") of this resource already has a variable path part -- only one unique variable path part is allowed"
		}
	}
	return ""
}

func shape(key string) string {
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(key, "{}")
}

// restTemplate is of a REST API with the routes and a deployment of them.
func restTemplate(routes ...string) string {
	parts := map[string]string{"Api": `{"Type": "AWS::ApiGateway::RestApi"}`}
	for _, route := range routes {
		id, part, _ := strings.Cut(route, " ")
		parts["Resource"+id] = `{"Type": "AWS::ApiGateway::Resource", "Properties": {"ParentId": "root", "PathPart": "` + part + `", "RestApiId": {"Ref": "Api"}}}`
		parts["Method"+id] = `{"Type": "AWS::ApiGateway::Method", "Properties": {"ResourceId": {"Ref": "Resource` + id + `"}, "RestApiId": {"Ref": "Api"}}}`
	}
	var needs []string
	for _, id := range sortedKeys(parts) {
		needs = append(needs, `"`+id+`"`)
	}
	deployment := "Deployment" + strings.Join(strings.Fields(strings.NewReplacer("{", "", "}", "").Replace(strings.Join(routes, ""))), "")
	parts[deployment] = `{"Type": "AWS::ApiGateway::Deployment", "DeletionPolicy": "Retain", "DependsOn": [` + strings.Join(needs, ", ") + `], "Properties": {"RestApiId": {"Ref": "Api"}}}`
	parts["Stage"] = `{"Type": "AWS::ApiGateway::Stage", "Properties": {"DeploymentId": {"Ref": "` + deployment + `"}, "RestApiId": {"Ref": "Api"}}}`
	var all []string
	for _, id := range sortedKeys(parts) {
		all = append(all, `"`+id+`": `+parts[id])
	}
	return `{"Parameters": {"ArtifactsBucket": {"Type": "String"}}, "Resources": {` + strings.Join(all, ", ") + `}}`
}

// httpTemplate is of an HTTP API with the routes.
func httpTemplate(keys ...string) stack.Deployment {
	parts := []string{`"Api": {"Type": "AWS::ApiGatewayV2::Api"}`}
	for _, key := range keys {
		id := strings.NewReplacer(" ", "", "/", "", "{", "", "}", "").Replace(key)
		parts = append(parts, `"Route`+id+`": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "`+key+`"}}`)
	}
	return stack.Deployment{Template: []byte(`{"Resources": {` + strings.Join(parts, ", ") + `}}`)}
}

func restDeployment(routes ...string) stack.Deployment {
	return stack.Deployment{Template: []byte(restTemplate(routes...)), BucketParameter: "ArtifactsBucket"}
}

// TestRemovedRouteIsGone: the deployment that follows the removal of a route does not
// show it, though CloudFormation deletes what is removed after everything is made.
func TestRemovedRouteIsGone(t *testing.T) {
	f := newFake(t)
	deploy(t, f, restDeployment("Admin admin", "Items items"))
	equal(t, "the first picture", f.pictures["DeploymentAdminadminItemsitems"], []string{"MethodAdmin", "MethodItems"})

	d := restDeployment("Items items")
	d.PlanOnly = true
	planned := deploy(t, f, d)
	equal(t, "what --plan has changed", f.counts["cloudformation.UpdateStack"], 0)
	if notes := strings.Join(planned.Plan.Notes, "\n"); !strings.Contains(notes, "MethodAdmin, ResourceAdmin") {
		t.Errorf("the plan's notes are %q", notes)
	}
	d.PlanOnly = false
	asked := 0
	d.Confirm = func(stack.Plan) error { asked++; return nil }
	s, l := open(t, f)
	r, err := s.Deploy(t.Context(), d)
	if err != nil {
		t.Fatal(err, hint(err))
	}
	equal(t, "the picture", f.pictures["DeploymentItemsitems"], []string{"MethodItems"})
	equal(t, "what was done", actions(r.Plan), actions(planned.Plan))
	equal(t, "questions", asked, 1)
	equal(t, "change sets left", len(f.sets), 0)
	equal(t, "the parameter", f.stacks[0].params["ArtifactsBucket"], bucket)
	equal(t, "the template", f.stacks[0].template, string(d.Template))
	if strings.Count(l.text(), "plan ") != 1 {
		t.Errorf("the plan was shown again:\n%s", l.text())
	}
	if again := deploy(t, f, d); again.Changed {
		t.Errorf("the next deploy changes %v", actions(again.Plan))
	}
}

// TestParameterGetsAnotherName: of the segments below a path one is a parameter.
func TestParameterGetsAnotherName(t *testing.T) {
	f := newFake(t)
	deploy(t, f, restDeployment("Id {id}"))
	deploy(t, f, restDeployment("Name {name}"))
	equal(t, "the picture", f.pictures["DeploymentNamename"], []string{"MethodName"})

	f = newFake(t)
	deploy(t, f, httpTemplate("GET /a/{id}", "GET /b"))
	d := httpTemplate("GET /a/{name}", "GET /c")
	r := deploy(t, f, d)
	equal(t, "updates before the change set", f.counts["cloudformation.UpdateStack"], 1)
	equal(t, "the notes", r.Plan.Notes, []string{"removed first, since another name of their variable takes their place, which answers some moments later: RouteGETaid"})
	equal(t, "the template", f.stacks[0].template, string(d.Template))
	deploy(t, f, httpTemplate("GET /a/{name}"))
	equal(t, "updates for a route that goes", f.counts["cloudformation.UpdateStack"], 1)
}

// TestRemovedRouteFails: what cannot be removed changes nothing, and an API that goes as a
// whole takes no update before.
func TestRemovedRouteFails(t *testing.T) {
	f := newFake(t)
	deploy(t, f, restDeployment("Admin admin", "Items items"))
	f.refuses["Stage"] = "no"
	fails(t, f, restDeployment("Items items"), "the stack is UPDATE_ROLLBACK_COMPLETE", "Stage (AWS::ApiGateway::Stage) UPDATE_FAILED: no")
	equal(t, "the template", f.stacks[0].template, restTemplate("Admin admin", "Items items"))

	delete(f.refuses, "Stage")
	updates := f.counts["cloudformation.UpdateStack"]
	deploy(t, f, deployment(t))
	equal(t, "updates before the change set", f.counts["cloudformation.UpdateStack"]-updates, 0)
}
