"""moto's server, whose CloudFormation makes the types too that it would pass over.

A type that it does not know moto drops, and says CREATE_COMPLETE. Each of those here
is made by a call of its own service's API in this same server, and deleted by another.
Usage: server.py PORT"""
import sys
import boto3
from botocore.exceptions import ClientError
from moto.cloudformation import models, parsing
from moto.core.common_models import CloudFormationModel
from moto.server import main

PORT = sys.argv[1]
__name__ = "moto.doorwright.models"  # moto asks a model for the service that its module is named for

# type: service, what makes it, what of the answer is its id, what deletes it and by which of its properties
TYPES = {
    "AWS::ApiGatewayV2::Api": ("apigatewayv2", "create_api", "ApiId", "delete_api", {"ApiId": "."}),
    "AWS::ApiGatewayV2::Authorizer": ("apigatewayv2", "create_authorizer", "AuthorizerId", "delete_authorizer", {"ApiId": "ApiId", "AuthorizerId": "."}),
    "AWS::ApiGatewayV2::Integration": ("apigatewayv2", "create_integration", "IntegrationId", "delete_integration", {"ApiId": "ApiId", "IntegrationId": "."}),
    "AWS::ApiGatewayV2::Route": ("apigatewayv2", "create_route", "RouteId", "delete_route", {"ApiId": "ApiId", "RouteId": "."}),
    "AWS::ApiGatewayV2::Stage": ("apigatewayv2", "create_stage", "StageName", "delete_stage", {"ApiId": "ApiId", "StageName": "."}),
    "AWS::Cognito::UserPool": ("cognito-idp", "create_user_pool", "UserPool.Id", "delete_user_pool", {"UserPoolId": "."}),
    "AWS::Cognito::UserPoolClient": ("cognito-idp", "create_user_pool_client", "UserPoolClient.ClientId", "delete_user_pool_client", {"UserPoolId": "UserPoolId", "ClientId": "."}),
    "AWS::Cognito::UserPoolDomain": ("cognito-idp", "create_user_pool_domain", "Domain", "delete_user_pool_domain", {"UserPoolId": "UserPoolId", "Domain": "."}),
    "AWS::Cognito::UserPoolGroup": ("cognito-idp", "create_group", "Group.GroupName", "delete_group", {"UserPoolId": "UserPoolId", "GroupName": "."}),
    "AWS::Cognito::UserPoolResourceServer": ("cognito-idp", "create_resource_server", "ResourceServer.Identifier", None, {}),
    "AWS::Cognito::IdentityPool": ("cognito-identity", "create_identity_pool", "IdentityPoolId", "delete_identity_pool", {"IdentityPoolId": "."}),
    "AWS::Cognito::IdentityPoolRoleAttachment": (None, None, None, None, {}),  # moto has nothing behind these two
    "AWS::Cognito::IdentityPoolPrincipalTag": (None, None, None, None, {}),
    "AWS::IAM::OIDCProvider": ("iam", "create_open_id_connect_provider", "OpenIDConnectProviderArn", "delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "."}),
    "AWS::ApiGateway::Authorizer": ("apigateway", "create_authorizer", "id", "delete_authorizer", {"restApiId": "RestApiId", "authorizerId": "."}),
    "AWS::ApiGateway::GatewayResponse": ("apigateway", "put_gateway_response", "responseType", "delete_gateway_response", {"restApiId": "RestApiId", "responseType": "."}),
    "AWS::ApiGateway::Stage": ("apigateway", "create_stage", "stageName", "delete_stage", {"restApiId": "RestApiId", "stageName": "."}),
}
OTHER = {"UserPoolName": "PoolName", "ClientIdList": "ClientIDList", "RestApiId": "restApiId"}

def fit(value, shape):
    """What of a resource's properties the API takes, in its spelling."""
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {n.lower(): n for n in shape.members}
        found = {names.get(OTHER.get(k, k).lower()): v for k, v in value.items()}
        return {n: fit(v, shape.members[n]) for n, v in found.items() if n}
    if shape.type_name == "list":
        return [fit(v, shape.member) for v in (value if isinstance(value, list) else [value])]
    if shape.type_name == "map":
        return {k: fit(v, shape.value) for k, v in value.items()}
    kinds = {"string": lambda v: str(v), "integer": int, "long": int, "boolean": lambda v: str(v).lower() == "true"}
    return kinds.get(shape.type_name, lambda v: v)(value)

class Made(CloudFormationModel):
    def __init__(self, name, properties, region):
        service, make, id_, unmake, by = self.spec
        self.type, self.physical_resource_id, self.undo, self.arn = self.cloudformation_type(), name, lambda: None, ""
        if not service:
            return
        client = boto3.client(service, region_name=region, endpoint_url="http://127.0.0.1:" + PORT, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[make]).input_shape
        answer = getattr(client, make)(**fit({"Name": name, "PoolName": name, "IdentityPoolName": name, **properties} if {"PoolName", "IdentityPoolName"} & set(shape.members) else properties, shape))
        value = answer
        for part in id_.split("."):
            value = value.get(part) if isinstance(value, dict) and part in value else properties.get(part)
        self.physical_resource_id, self.arn = value, answer.get("UserPool", {}).get("Arn") or value
        if unmake:
            ids = {k: value if v == "." else properties[v] for k, v in by.items()}
            self.undo = lambda: getattr(client, unmake)(**ids)

    def get_cfn_attribute(self, attr):
        region = self.physical_resource_id.split("_")[0]
        return {"Arn": self.arn, "ProviderName": "cognito-idp.%s.amazonaws.com/%s" % (region, self.physical_resource_id),
                "ProviderURL": "https://cognito-idp.%s.amazonaws.com/%s" % (region, self.physical_resource_id)}.get(attr, self.physical_resource_id)

    def delete(self, account_id, region):
        try:
            self.undo()
        except ClientError as e:  # what belongs to an API or a pool goes with it
            if "NotFound" not in e.response["Error"]["Code"]:
                raise

    @staticmethod
    def cloudformation_name_type():
        return ""

    @classmethod
    def has_cfn_attr(cls, attr):
        return True

    @classmethod
    def create_from_cloudformation_json(cls, name, json, account_id, region, **kwargs):
        return cls(name, json.get("Properties", {}), region)

    @classmethod
    def update_from_cloudformation_json(cls, old, name, json, account_id, region):
        old.delete(account_id, region)
        return cls(name, json.get("Properties", {}), region)

    def is_created(self):
        return True

def subclass(type_, spec):
    made = type(type_.replace("::", ""), (Made, CloudFormationModel), {"spec": spec, "cloudformation_type": staticmethod(lambda: type_)})
    parsing.get_model_list().append(made)  # __subclasses__ has the direct ones alone

for t, spec in TYPES.items():
    subclass(t, spec)
parsing.get_model_list()[:] = [m for m in parsing.get_model_list() if m is not Made and m.cloudformation_type.__qualname__ != "CloudFormationModel.cloudformation_type"]
def apply(change_set, plain=models.ChangeSet.apply):
    """moto leaves a stack that a change set made without its outputs."""
    plain(change_set)
    stack = change_set.stack
    stack.template_dict = change_set.template_dict
    stack.output_map = stack._create_output_map()
models.ChangeSet.apply = apply
main(["-H", "127.0.0.1", "-p", PORT])
