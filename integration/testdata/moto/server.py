"""moto's server, whose CloudFormation makes the types too that it would pass over.

A type that it does not know moto drops, and says CREATE_COMPLETE; of most that it
knows it takes some properties only, and no change. So each type here is made, changed
and deleted by calls of its own service's API in this same server, with the names that
botocore has for them: a property that the API does not know fails.

What moto has nothing behind, identity pools' roles and principal tags, is recorded
alone: it can be read back, and nothing in moto goes by it.

Usage: server.py PORT"""
import json
import sys
import threading
import boto3
from botocore.exceptions import ClientError
from moto.cloudformation import models, parsing
from moto.cognitoidentity.responses import CognitoIdentityResponse
from moto.core.common_models import CloudFormationModel
from moto.server import main

PORT = sys.argv[1]
__name__ = "moto.doorwright.models"  # moto asks a model for the service that its module is named for
REST = {"restApiId": "RestApiId"}
POOL = {"UserPoolId": "UserPoolId"}
HTTP = {"ApiId": "ApiId"}

# type: service, what makes it, what of the answer (or of the properties) is its id, what
# deletes it and by which of its properties ("." is its id), and what changes it, by the
# same. What nothing changes is deleted and made anew.
TYPES = {
    "AWS::ApiGatewayV2::Api": ("apigatewayv2", "create_api", "ApiId", "delete_api", {"ApiId": "."}, "update_api"),
    "AWS::ApiGatewayV2::Authorizer": ("apigatewayv2", "create_authorizer", "AuthorizerId", "delete_authorizer", {**HTTP, "AuthorizerId": "."}, "update_authorizer"),
    "AWS::ApiGatewayV2::Integration": ("apigatewayv2", "create_integration", "IntegrationId", "delete_integration", {**HTTP, "IntegrationId": "."}, "update_integration"),
    "AWS::ApiGatewayV2::Route": ("apigatewayv2", "create_route", "RouteId", "delete_route", {**HTTP, "RouteId": "."}, "update_route"),
    "AWS::ApiGatewayV2::Stage": ("apigatewayv2", "create_stage", "StageName", "delete_stage", {**HTTP, "StageName": "."}, None),
    "AWS::Cognito::UserPool": ("cognito-idp", "create_user_pool", "UserPool.Id", "delete_user_pool", {"UserPoolId": "."}, "update_user_pool"),
    "AWS::Cognito::UserPoolClient": ("cognito-idp", "create_user_pool_client", "UserPoolClient.ClientId", "delete_user_pool_client", {**POOL, "ClientId": "."}, "update_user_pool_client"),
    "AWS::Cognito::UserPoolDomain": ("cognito-idp", "create_user_pool_domain", "Domain", "delete_user_pool_domain", {**POOL, "Domain": "."}, None),
    "AWS::Cognito::UserPoolGroup": ("cognito-idp", "create_group", "Group.GroupName", "delete_group", {**POOL, "GroupName": "."}, "update_group"),
    "AWS::Cognito::UserPoolIdentityProvider": ("cognito-idp", "create_identity_provider", "IdentityProvider.ProviderName", "delete_identity_provider", {**POOL, "ProviderName": "."}, None),
    "AWS::Cognito::UserPoolResourceServer": ("cognito-idp", "create_resource_server", "ResourceServer.Identifier", None, {}, None),
    "AWS::Cognito::IdentityPool": ("cognito-identity", "create_identity_pool", "IdentityPoolId", "delete_identity_pool", {"IdentityPoolId": "."}, None),
    "AWS::Cognito::IdentityPoolRoleAttachment": ("cognito-identity", "set_identity_pool_roles", "IdentityPoolId", "set_identity_pool_roles", {"IdentityPoolId": "IdentityPoolId"}, "set_identity_pool_roles"),
    "AWS::Cognito::IdentityPoolPrincipalTag": ("cognito-identity", "set_principal_tag_attribute_map", "IdentityProviderName", "set_principal_tag_attribute_map", {"IdentityPoolId": "IdentityPoolId", "IdentityProviderName": "IdentityProviderName"}, "set_principal_tag_attribute_map"),
    "AWS::IAM::OIDCProvider": ("iam", "create_open_id_connect_provider", "OpenIDConnectProviderArn", "delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "."}, None),
    "AWS::IAM::Role": ("iam", "create_role", "Role.RoleName", "delete_role", {"RoleName": "."}, "update_role"),
    "AWS::IAM::Policy": ("iam", "put_role_policy", "PolicyName", "delete_role_policy", {"PolicyName": "PolicyName"}, "put_role_policy"),
    "AWS::Lambda::Function": ("lambda", "create_function", "FunctionName", "delete_function", {"FunctionName": "."}, "update_function_configuration"),
    "AWS::Lambda::Permission": ("lambda", "add_permission", "StatementId", "remove_permission", {"FunctionName": "FunctionName", "StatementId": "."}, None),
    "AWS::Logs::LogGroup": ("logs", "create_log_group", "LogGroupName", "delete_log_group", {"logGroupName": "."}, None),
    "AWS::S3::Bucket": ("s3", "create_bucket", "BucketName", "delete_bucket", {"Bucket": "."}, "get_bucket_location"),
    "AWS::DynamoDB::Table": ("dynamodb", "create_table", "TableDescription.TableName", "delete_table", {"TableName": "."}, "update_table"),
    "AWS::ApiGateway::RestApi": ("apigateway", "create_rest_api", "id", "delete_rest_api", {"restApiId": "."}, None),
    "AWS::ApiGateway::Resource": ("apigateway", "create_resource", "id", "delete_resource", {**REST, "resourceId": "."}, None),
    "AWS::ApiGateway::Method": ("apigateway", "put_method", "HttpMethod", "delete_method", {**REST, "resourceId": "ResourceId", "httpMethod": "HttpMethod"}, None),
    "AWS::ApiGateway::RequestValidator": ("apigateway", "create_request_validator", "id", "delete_request_validator", {**REST, "requestValidatorId": "."}, None),
    "AWS::ApiGateway::Authorizer": ("apigateway", "create_authorizer", "id", "delete_authorizer", {**REST, "authorizerId": "."}, None),
    "AWS::ApiGateway::GatewayResponse": ("apigateway", "put_gateway_response", "responseType", "delete_gateway_response", {**REST, "responseType": "."}, None),
    "AWS::ApiGateway::Deployment": ("apigateway", "create_deployment", "id", "delete_deployment", {**REST, "deploymentId": "."}, None),
    "AWS::ApiGateway::Stage": ("apigateway", "create_stage", "stageName", "delete_stage", {**REST, "stageName": "."}, None),
    "AWS::ApiGateway::ApiKey": ("apigateway", "create_api_key", "id", "delete_api_key", {"apiKey": "."}, None),
    "AWS::ApiGateway::UsagePlan": ("apigateway", "create_usage_plan", "id", "delete_usage_plan", {"usagePlanId": "."}, None),
    "AWS::ApiGateway::UsagePlanKey": ("apigateway", "create_usage_plan_key", "id", "delete_usage_plan_key", {"usagePlanId": "UsagePlanId", "keyId": "KeyId"}, None),
}
# Names that AWS makes up where a template has none.
NAMED = {"AWS::Cognito::UserPool": "UserPoolName", "AWS::Cognito::UserPoolClient": "ClientName", "AWS::Cognito::IdentityPool": "IdentityPoolName", "AWS::IAM::Role": "RoleName",
         "AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName", "AWS::ApiGateway::ApiKey": "Name", "AWS::ApiGateway::UsagePlan": "UsagePlanName",
         "AWS::Lambda::Permission": "StatementId"}
# The API's spelling of a property.
OTHER = {"UserPoolName": "PoolName", "UsagePlanName": "name", "BucketName": "Bucket", "ApiKeySourceType": "apiKeySource", "ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds",
         "ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault", "ServerSideEncryptionConfiguration": "Rules"}
# Properties that other calls take than the one that makes the resource: those calls,
# by what of them is the property, in the pieces of a list one by one.
LATER = {
    "AWS::ApiGateway::Stage": {"MethodSettings": None, "AccessLogSetting": None},
    "AWS::ApiGateway::Authorizer": {"IdentityValidationExpression": None},  # which moto loses on the way
    "AWS::ApiGateway::Method": {"MethodResponses": None, "Integration": None},
    "AWS::Cognito::UserPool": {"EnabledMfas": None},
    "AWS::IAM::Role": {"Policies": ("put_role_policy", "")},
    "AWS::IAM::Policy": {"Roles": None},
    "AWS::Logs::LogGroup": {"RetentionInDays": ("put_retention_policy", "retentionInDays")},
    "AWS::Lambda::Function": {"ReservedConcurrentExecutions": ("put_function_concurrency", "ReservedConcurrentExecutions")},
    "AWS::DynamoDB::Table": {"TimeToLiveSpecification": ("update_time_to_live", "TimeToLiveSpecification"), "PointInTimeRecoverySpecification": ("update_continuous_backups", "PointInTimeRecoverySpecification")},
    "AWS::S3::Bucket": {
        "BucketEncryption": ("put_bucket_encryption", "ServerSideEncryptionConfiguration"), "CorsConfiguration": ("put_bucket_cors", "CORSConfiguration"),
        "OwnershipControls": ("put_bucket_ownership_controls", "OwnershipControls"), "PublicAccessBlockConfiguration": ("put_public_access_block", "PublicAccessBlockConfiguration"),
    },
}


def fit(value, shape, path, strict=True):
    """A resource's properties in the spelling of the API."""
    if shape.type_name == "structure" and isinstance(value, dict):
        names, fitted = {n.lower(): n for n in shape.members}, {}
        for k, v in value.items():
            n = names.get(k.lower()) or names.get(OTHER.get(k, k).lower())
            if n:
                fitted[n] = fit(v, shape.members[n], path + "." + k, strict)
            elif strict:
                raise ValueError("%s.%s: the API has none: %s" % (path, k, ", ".join(shape.members)))
        return fitted
    if shape.type_name == "list":
        return [fit(v, shape.member, path, strict) for v in (value if isinstance(value, list) else [value])]
    if shape.type_name == "map":
        return {k: fit(v, shape.value, path, strict) for k, v in value.items()}
    kinds = {"string": lambda v: v if isinstance(v, str) else json.dumps(v), "integer": int, "long": int, "double": float, "boolean": lambda v: str(v).lower() == "true"}
    return kinds.get(shape.type_name, lambda v: v)(value)


session, clients, guard = boto3.session.Session(), {}, threading.Lock()


def client(service, account, region):
    """A client of this server. moto takes the account from a header."""
    c = session.client(service, region_name=region, endpoint_url="http://127.0.0.1:" + PORT, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")
    c.meta.events.register("before-call", lambda params, **_: params["headers"].update({"x-moto-account-id": account}))
    return c


def shared_client(*key):
    with guard:
        if key not in clients:
            clients[key] = client(*key)
        return clients[key]


def telling(do):
    """moto answers some failures with nothing but UnknownError."""
    def told(cls, *args, **kwargs):
        try:
            return do(cls, *args, **kwargs)
        except Exception as e:
            print("%s: %s: %s" % (cls.cloudformation_type(), type(e).__name__, e), file=sys.stderr, flush=True)
            raise
    return told


class Made(CloudFormationModel):
    def __init__(self, name, properties, account, region):
        service, make, id_, _, _, _ = self.spec
        self.type, self.client, self.region = self.cloudformation_type(), shared_client(service, account, region), region
        self.properties = self.named(name, properties)
        if self.type == "AWS::IAM::Policy":
            return self.put_policies()
        answer = self.call(make, {**self.now(), **({"CreateBucketConfiguration": {"LocationConstraint": region}} if service == "s3" and region != "us-east-1" else {})})
        value = answer
        for part in id_.split("."):
            value = value.get(part) if isinstance(value, dict) and part in value else self.properties.get(part)
        if self.type in ("AWS::Cognito::IdentityPoolRoleAttachment", "AWS::Cognito::IdentityPoolPrincipalTag"):
            value = "%s|%s" % (self.properties["IdentityPoolId"], self.properties.get("IdentityProviderName", "roles"))
        self.physical_resource_id, self.root = value, answer.get("rootResourceId") or ""
        arns = {"lambda": answer.get("FunctionArn"), "s3": "arn:aws:s3:::%s" % value, "dynamodb": answer.get("TableDescription", {}).get("TableArn"),
                "logs": "arn:aws:logs:%s:%s:log-group:%s:*" % (region, account, value), "cognito-idp": answer.get("UserPool", {}).get("Arn")}
        if self.type == "AWS::IAM::Role":
            arns = {"iam": answer["Role"]["Arn"]}
        self.arn = arns.get(service) or value
        self.later()

    def named(self, name, properties):
        made_up = NAMED.get(self.type)
        if made_up and made_up not in properties:
            properties = {**properties, made_up: name.lower() if self.type == "AWS::S3::Bucket" else name}
        if "RoleMappings" in properties:  # by the provider in the API, and not by a name
            mappings = {m["IdentityProvider"]: {k: v for k, v in m.items() if k != "IdentityProvider"} for m in properties["RoleMappings"].values()}
            properties = {**properties, "RoleMappings": mappings}
        return properties

    def call(self, operation, properties, ids={}, strict=True):
        shape = self.client.meta.service_model.operation_model(self.client.meta.method_to_api_mapping[operation]).input_shape
        return getattr(self.client, operation)(**{**fit(properties, shape, self.type, strict), **ids})

    def now(self):
        return {k: v for k, v in self.properties.items() if k not in LATER.get(self.type, ())}

    def put_policies(self):
        self.physical_resource_id = self.arn = self.properties["PolicyName"]
        for role in self.properties["Roles"]:
            self.call("put_role_policy", self.now(), {"RoleName": role})

    def later(self):
        p, c, id_ = self.properties, self.client, self.ids()
        for name, how in LATER.get(self.type, {}).items():
            for v in (p[name] if name == "Policies" else [p[name]]) if how and name in p else []:
                self.call(how[0], {how[1]: v} if how[1] else v, id_)
        if self.type == "AWS::Cognito::UserPool" and "EnabledMfas" in p:
            c.set_user_pool_mfa_config(UserPoolId=self.physical_resource_id, MfaConfiguration=p.get("MfaConfiguration", "OFF"), SoftwareTokenMfaConfiguration={"Enabled": "SOFTWARE_TOKEN_MFA" in p["EnabledMfas"]})
        if self.type == "AWS::ApiGateway::Method":
            for r in p.get("MethodResponses", []):
                self.call("put_method_response", r, id_)
            integration = dict(p["Integration"])
            responses = integration.pop("IntegrationResponses", [])
            if "Uri" in integration:  # the method that the function is called by, beside that of the method
                id_, by = {**id_}, integration.pop("IntegrationHttpMethod")
                self.call("put_integration", integration, {**id_, "integrationHttpMethod": by})
            else:
                self.call("put_integration", integration, id_)
            for r in responses:
                self.call("put_integration_response", r, id_)
        if "IdentityValidationExpression" in p:
            c.update_authorizer(**id_, patchOperations=[{"op": "replace", "path": "/identityValidationExpression", "value": p["IdentityValidationExpression"]}])
        if self.type == "AWS::ApiGateway::Stage":
            ops = [("%s/%s/throttling/%s" % (s["ResourcePath"], s["HttpMethod"], k), s[n]) for s in p.get("MethodSettings", [])
                   for n, k in (("ThrottlingBurstLimit", "burstLimit"), ("ThrottlingRateLimit", "rateLimit")) if n in s]
            ops += [("/accessLogSettings/" + k[0].lower() + k[1:], v) for k, v in p.get("AccessLogSetting", {}).items()]
            if ops:
                c.update_stage(restApiId=p["RestApiId"], stageName=p["StageName"], patchOperations=[{"op": "replace", "path": k, "value": str(v)} for k, v in ops])

    def ids(self):
        return {k: self.physical_resource_id if v == "." else self.properties[v] for k, v in self.spec[4].items()}

    def get_cfn_attribute(self, attr):
        id_ = self.physical_resource_id
        issuer = "cognito-idp.%s.amazonaws.com/%s" % (id_.split("_")[0], id_)
        return {"Arn": self.arn, "ProviderName": issuer, "ProviderURL": "https://" + issuer, "RootResourceId": self.root}.get(attr, id_)

    def delete(self, account_id, region):
        if not self.spec[3]:
            return  # it goes with the pool
        try:
            for role in self.properties.get("Roles", []):
                self.client.delete_role_policy(RoleName=role, **self.ids())
            if self.type == "AWS::IAM::Role":
                for name in self.client.list_role_policies(**self.ids())["PolicyNames"]:
                    self.client.delete_role_policy(PolicyName=name, **self.ids())
            if self.type == "AWS::Cognito::IdentityPoolRoleAttachment":
                self.client.set_identity_pool_roles(Roles={}, **self.ids())
            elif self.type != "AWS::IAM::Policy":
                getattr(self.client, self.spec[3])(**self.ids())
        except ClientError as e:  # what belongs to an API or a pool goes with it
            if not any(gone in e.response["Error"]["Code"] for gone in ("NotFound", "NoSuchEntity")):
                raise

    @staticmethod
    def cloudformation_name_type():
        return ""

    @classmethod
    def has_cfn_attr(cls, attr):
        return True

    @classmethod
    @telling
    def create_from_cloudformation_json(cls, name, json, account_id, region, **kwargs):
        return cls(name, json.get("Properties", {}), account_id, region)

    @classmethod
    @telling
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        old = original_resource
        new = old.named(old.properties.get(NAMED.get(old.type)), cloudformation_json.get("Properties", {}))
        if new == old.properties:  # what changed is no property
            return old
        if cls.spec[5] is None:
            old.delete(account_id, region_name)
            return cls(new_resource_name, new, account_id, region_name)
        if new.get("Code") != old.properties.get("Code"):
            old.call("update_function_code", new["Code"], old.ids())
        old.properties = new
        if old.type == "AWS::IAM::Policy":
            old.put_policies()
        else:
            old.call(cls.spec[5], old.now(), old.ids(), strict=False)  # not what cannot be changed later
            old.later()
        return old

    def is_created(self):
        return True


def subclass(type_, spec):
    made = type(type_.replace("::", ""), (Made, CloudFormationModel), {"spec": spec, "cloudformation_type": staticmethod(lambda: type_)})
    parsing.get_model_list().append(made)  # __subclasses__ has the direct ones alone


parsing.get_model_list()[:] = [m for m in parsing.get_model_list() if m is not Made and m.cloudformation_type.__qualname__ != "CloudFormationModel.cloudformation_type" and m.cloudformation_type() not in TYPES]
for t, spec in TYPES.items():
    subclass(t, spec)


def record(setter, getter, *key):
    """Operations of identity pools that moto lacks: what was set is what is got."""
    def of(response):
        body = json.loads(response.body)
        return response.backend.__dict__.setdefault(setter, {}), tuple(body[k] for k in key), body

    def put(response):
        kept, at, body = of(response)
        kept[at] = body
        return json.dumps(body)

    def get(response):
        kept, at, _ = of(response)
        return json.dumps(kept.get(at, {}))
    setattr(CognitoIdentityResponse, setter, put)
    setattr(CognitoIdentityResponse, getter, get)


record("set_identity_pool_roles", "get_identity_pool_roles", "IdentityPoolId")
record("set_principal_tag_attribute_map", "get_principal_tag_attribute_map", "IdentityPoolId", "IdentityProviderName")


def apply(change_set, plain=models.ChangeSet.apply):
    """moto leaves a stack that a change set made without its outputs."""
    plain(change_set)
    stack = change_set.stack
    stack.template_dict = change_set.template_dict
    stack.output_map = stack._create_output_map()


def create_resource(logical_id, declared, resources, *args, plain=parsing.parse_and_create_resource, **kwargs):
    """moto makes a change set's resources in any order but for their references."""
    for needed in [declared["DependsOn"]] if isinstance(declared.get("DependsOn"), str) else declared.get("DependsOn", []):
        resources[needed]
    return plain(logical_id, declared, resources, *args, **kwargs)


def delete_resource(resources, parsed, declared, plain=parsing.ResourceMap._delete_resource):
    """moto heeds a DeletionPolicy where a stack goes, and not where a resource does."""
    if declared.get("DeletionPolicy") != "Retain":
        plain(resources, parsed, declared)


models.ChangeSet.apply = apply
parsing.parse_and_create_resource = create_resource
parsing.ResourceMap._delete_resource = delete_resource
main(["-H", "127.0.0.1", "-p", PORT])
