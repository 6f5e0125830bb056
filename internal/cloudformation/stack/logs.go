package stack

import (
	"context"
	"encoding/json"
	"fmt"
)

const restStageType = "AWS::ApiGateway::Stage"

// restLogs looks whether API Gateway has a role by which it writes the logs of REST APIs,
// without which a stage that has some is refused. An account has one such role in a
// region, for all its stacks: so none of them owns it, and it is never made here.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
func (c *checking) restLogs(ctx context.Context) error {
	stage := ""
	for _, id := range c.t.of(restStageType) {
		var p struct{ AccessLogSetting json.RawMessage }
		if err := json.Unmarshal(c.t.Resources[id].Properties, &p); err != nil {
			return fmt.Errorf("reading %s in the template: %w", id, err)
		}
		if p.AccessLogSetting != nil {
			stage = id
			break
		}
	}
	if stage == "" {
		return nil
	}
	var account struct {
		CloudWatchRoleARN string `json:"cloudwatchRoleArn"`
	}
	if err := c.ask(ctx, "looking for the role by which API Gateway writes logs", gatewayService, "account", nil, &account); err != nil {
		return err
	}
	if account.CloudWatchRoleARN != "" {
		return nil
	}
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	c.refuse(c.position(stage, "AccessLogSetting"), fmt.Sprintf("give it one, for all REST APIs of the account in %s:\n"+
		"  aws iam create-role --role-name apigateway-logs --assume-role-policy-document '%s'\n"+
		"  aws iam attach-role-policy --role-name apigateway-logs --policy-arn arn:%s:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs\n"+
		"  aws apigateway update-account --region %s --patch-operations op=replace,path=/cloudwatchRoleArn,value=arn:%s:iam::%s:role/apigateway-logs",
		c.target.Region, trust, c.target.partition, c.target.Region, c.target.partition, c.target.Account),
		"a REST API has an access log, and API Gateway has no role by which it writes logs")
	return nil
}
