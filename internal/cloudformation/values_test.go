package cloudformation_test

import (
	"encoding/json"
	"testing"

	"github.com/doorwright/doorwright/internal/cloudformation"
)

// TestValuesInCloudFormationsForm holds values to the forms of the user guide
// (intrinsic-function-reference).
func TestValuesInCloudFormationsForm(t *testing.T) {
	var (
		text = cloudformation.Text
		ref  = cloudformation.Ref
		join = cloudformation.Join
	)
	for _, c := range []struct {
		value cloudformation.Value
		want  string
	}{
		{text("a<b>&c"), `"a<b>&c"`},
		{ref("Table"), `{"Ref":"Table"}`},
		{cloudformation.GetAtt("Table", "Arn"), `{"Fn::GetAtt":["Table","Arn"]}`},
		{cloudformation.GetAtt("Stack", "Outputs.Name"), `{"Fn::GetAtt":["Stack","Outputs.Name"]}`},
		{join(text("a"), text("b")), `"ab"`},
		{join(ref("A")), `{"Ref":"A"}`},
		{join(text("arn:"), ref("AWS::Partition"), text(":s3:::"), join(ref("B"), text("/"))), `{"Fn::Sub":"arn:${AWS::Partition}:s3:::${B}/"}`},
		// "To print a dollar sign and curly braces literally, add an exclamation point
		// after the open curly brace": a policy variable is IAM's to replace.
		{join(cloudformation.GetAtt("B", "Arn"), text("/${cognito-identity.amazonaws.com:sub}/*")), `{"Fn::Sub":"${B.Arn}/${!cognito-identity.amazonaws.com:sub}/*"}`},
		{text("${cognito-identity.amazonaws.com:sub}/*"), `"${cognito-identity.amazonaws.com:sub}/*"`},
		// Two texts, one of which may come from an environment, are no reference together.
		{join(text("x$"), text("{AWS::StackName}"), ref("A")), `{"Fn::Sub":"x${!AWS::StackName}${A}"}`},
		{join(ref("A"), text("$"), join(text("{AWS::StackName}"), ref("B"))), `{"Fn::Sub":"${A}${!AWS::StackName}${B}"}`},
		{join(cloudformation.Sub("${A}-${!b}"), text("${c}")), `{"Fn::Sub":"${A}-${!b}${!c}"}`},
	} {
		got, err := json.Marshal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		// json.Marshal escapes for HTML what a Marshaler gives it.
		if string(got) != c.want && unescaped(t, got) != unescaped(t, []byte(c.want)) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func unescaped(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
