"""Reads back what there is in an account of moto's, by boto3, line by line.

Of each thing a line says what it is and what the service says of it, without its times
and sizes. It is asked by a line of JSON: endpoint, region, keys, and the stack, whose
resources' ids are of use where a service lists none; it answers by one: resources (the
stack's, physical id by logical id) and lines."""
import json
import sys
import boto3
from botocore.exceptions import ClientError

# What no two deploys have alike, and what moto adds that says nothing.
NOISE = {
    "ResponseMetadata", "CreatedDate", "CreationDate", "createdDate", "lastUpdatedDate", "LastModified", "LastModifiedDate", "CreationDateTime", "creationTime", "CreateDate", "LastUpdatedDate",
    "Date", "RevisionId", "CodeSize", "Version", "TracingConfig", "EphemeralStorage", "SnapStart", "LatestRestorableDateTime", "EarliestRestorableDateTime", "RoleId", "RoleLastUsed",
    "MaxSessionDuration", "Path", "SchemaAttributes", "NumberOfDecreasesToday", "ItemCount", "TableSizeBytes", "IndexSizeBytes", "TableId", "Tags", "tags", "TagSet", "methodIntegration",
    "EstimatedNumberOfUsers", "ThumbprintList", "ApiEndpoint", "rootResourceId", "LastUpdateStatus", "PackageType", "State", "StateReason", "StateReasonCode", "EmailVerificationMessage",
    "EmailVerificationSubject", "SmsVerificationMessage", "VerificationMessageTemplate", "EmailConfiguration", "RouteSelectionExpression", "ApiKeySelectionExpression", "ProvisionedThroughput",
    "WarmThroughput", "cacheDataEncrypted", "cacheTtlInSeconds", "cachingEnabled", "dataTraceEnabled", "metricsEnabled", "requireAuthorizationForCacheControl", "cacheClusterEnabled",
    "unauthorizedCacheControlHeaderStrategy", "DefaultRouteSettings",
}


def clean(value):
    if isinstance(value, dict):
        kept = {k: clean(v) for k, v in value.items() if k not in NOISE}
        return {k: v for k, v in kept.items() if v not in ({}, [], "", None)}
    if isinstance(value, list):
        return [clean(v) for v in value]
    if isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


session = boto3.session.Session()


class Reader:
    def __init__(self, asked):
        self.asked, self.stack, self.lines, self.resources = asked, asked["stack"], [], {}

    def client(self, service):
        a = self.asked
        return session.client(service, endpoint_url=a["endpoint"], region_name=a["region"], aws_access_key_id=a["key"], aws_secret_access_key=a["secret"], aws_session_token=a["token"])

    def say(self, what, value):
        value = clean(value)
        if value:
            self.lines.append(what + " " + json.dumps(value, sort_keys=True))

    def all(self):
        for read in (self.read_stack, self.read_http, self.read_rest, self.read_pools, self.read_identities, self.read_iam, self.read_functions, self.read_data):
            read()
        return {"resources": {k: v[1] for k, v in self.resources.items()}, "lines": self.lines}

    def read_stack(self):
        c = self.client("cloudformation")
        try:
            stack = c.describe_stacks(StackName=self.stack)["Stacks"][0]
        except ClientError:
            return
        for page in c.get_paginator("list_stack_resources").paginate(StackName=self.stack):
            for r in page["StackResourceSummaries"]:
                self.resources[r["LogicalResourceId"]] = (r["ResourceType"], r["PhysicalResourceId"])
        for o in stack.get("Outputs", []):
            self.lines.append("output %s %s" % (o["OutputKey"], o["OutputValue"]))

    def made(self, type_):
        return [physical for t, physical in self.resources.values() if t == type_]

    def read_http(self):
        c = self.client("apigatewayv2")
        for api in c.get_apis()["Items"]:
            id_ = api["ApiId"]
            self.say("http-api", api)
            for s in c.get_stages(ApiId=id_)["Items"]:
                self.say("http-api %s stage" % id_, s)
            for i in c.get_integrations(ApiId=id_)["Items"]:
                self.say("http-api %s integration" % id_, i)
            for r in c.get_routes(ApiId=id_)["Items"]:
                r.pop("RouteId")
                self.say("http-api %s route %s" % (id_, r.pop("RouteKey")), r)
            for authorizer in self.made("AWS::ApiGatewayV2::Authorizer"):  # moto lists none
                try:
                    self.say("http-api %s authorizer" % id_, c.get_authorizer(ApiId=id_, AuthorizerId=authorizer))
                except ClientError:
                    pass  # another API's

    def read_rest(self):
        c = self.client("apigateway")
        for api in c.get_rest_apis()["items"]:
            id_ = {"restApiId": api["id"]}
            self.say("rest-api", api)
            for r in c.get_resources(**id_, embed=["methods"])["items"]:
                for method in r.get("resourceMethods", {}):
                    m = c.get_method(**id_, resourceId=r["id"], httpMethod=method)
                    self.say("rest-api %s method %s %s" % (api["id"], method, r["path"]), m)
                    self.say("rest-api %s method %s %s integration" % (api["id"], method, r["path"]), m.get("methodIntegration", {}))
            for a in c.get_authorizers(**id_)["items"]:
                self.say("rest-api %s authorizer" % api["id"], a)
            for g in c.get_gateway_responses(**id_)["items"]:
                self.say("rest-api %s gateway response %s" % (api["id"], g["responseType"]), g)
            for v in c.get_request_validators(**id_)["items"]:
                self.say("rest-api %s validator" % api["id"], v)
            for s in c.get_stages(**id_)["item"]:
                self.say("rest-api %s stage" % api["id"], s)
            for d in c.get_deployments(**id_)["items"]:
                self.say("rest-api %s deployment" % api["id"], d)
        for k in c.get_api_keys(includeValues=False)["items"]:
            self.say("api-key", {n: v for n, v in k.items() if n != "value"})
        for p in c.get_usage_plans()["items"]:
            self.say("usage-plan", p)
            for k in c.get_usage_plan_keys(usagePlanId=p["id"])["items"]:
                self.say("usage-plan %s key" % p["id"], {"id": k["id"]})

    def read_pools(self):
        c = self.client("cognito-idp")
        for p in c.list_user_pools(MaxResults=60)["UserPools"]:
            id_ = {"UserPoolId": p["Id"]}
            pool = c.describe_user_pool(**id_)["UserPool"]
            self.say("user-pool", pool)
            declared = [a for a in pool["SchemaAttributes"] if a["Name"].startswith("custom:") or a["Required"] and a["Name"] != "sub"]
            for a in declared:
                self.say("user-pool %s attribute" % p["Id"], a)
            for u in c.list_user_pool_clients(**id_, MaxResults=60)["UserPoolClients"]:
                client = c.describe_user_pool_client(**id_, ClientId=u["ClientId"])["UserPoolClient"]
                self.say("user-pool client", {k: v if k != "ClientSecret" else "(it has one)" for k, v in client.items()})
            for g in c.list_groups(**id_)["Groups"]:
                self.say("user-pool %s group" % p["Id"], g)
            for r in c.list_resource_servers(**id_, MaxResults=50)["ResourceServers"]:
                self.say("user-pool %s resource server" % p["Id"], r)
            for i in c.list_identity_providers(**id_)["Providers"]:
                self.say("user-pool %s identity provider" % p["Id"], c.describe_identity_provider(**id_, ProviderName=i["ProviderName"])["IdentityProvider"])
            for d in self.made("AWS::Cognito::UserPoolDomain"):
                self.say("user-pool %s domain" % p["Id"], {k: v for k, v in c.describe_user_pool_domain(Domain=d)["DomainDescription"].items() if k in ("Domain", "UserPoolId")})
            self.say("user-pool %s mfa" % p["Id"], c.get_user_pool_mfa_config(**id_))

    def read_identities(self):
        c = self.client("cognito-identity")
        for p in c.list_identity_pools(MaxResults=60)["IdentityPools"]:
            id_ = {"IdentityPoolId": p["IdentityPoolId"]}
            pool = c.describe_identity_pool(**id_)
            self.say("identity-pool", pool)
            roles = c.get_identity_pool_roles(**id_)
            self.say("identity-pool %s roles" % p["IdentityPoolId"], {k: roles[k] for k in ("Roles", "RoleMappings") if k in roles})
            for of, name in (id_.split("|") for id_ in self.made("AWS::Cognito::IdentityPoolPrincipalTag")):
                if of == p["IdentityPoolId"]:
                    self.say("identity-pool %s principal tags" % of, c.get_principal_tag_attribute_map(IdentityPoolId=of, IdentityProviderName=name))

    def read_iam(self):
        c = self.client("iam")
        for r in c.list_roles(MaxItems=1000)["Roles"]:
            self.say("role", r)
            for name in c.list_role_policies(RoleName=r["RoleName"])["PolicyNames"]:
                self.say("role %s policy" % r["RoleName"], {name: c.get_role_policy(RoleName=r["RoleName"], PolicyName=name)["PolicyDocument"]["Statement"]})
            for a in c.list_attached_role_policies(RoleName=r["RoleName"])["AttachedPolicies"]:
                self.say("role %s attached policy" % r["RoleName"], a)
        for p in c.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            self.say("oidc-provider", {**p, **c.get_open_id_connect_provider(OpenIDConnectProviderArn=p["Arn"])})

    def read_functions(self):
        c = self.client("lambda")
        for f in c.list_functions(MaxItems=1000)["Functions"]:
            self.say("function", f)
            limit = c.get_function_concurrency(FunctionName=f["FunctionName"]).get("ReservedConcurrentExecutions")
            if limit:
                self.say("function %s concurrency" % f["FunctionArn"], {"reserved": limit})
            try:
                policy = json.loads(c.get_policy(FunctionName=f["FunctionName"])["Policy"])
            except ClientError:
                policy = {"Statement": []}  # nothing may invoke it
            for s in policy["Statement"]:
                self.say("function %s permission" % f["FunctionArn"], {k: v for k, v in s.items() if k != "Resource"})
        for g in self.client("logs").describe_log_groups()["logGroups"]:
            self.say("log-group", {"name": g["logGroupName"], "retentionInDays": g.get("retentionInDays")})

    def read_data(self):
        c = self.client("dynamodb")
        for name in c.list_tables()["TableNames"]:
            self.say("table", c.describe_table(TableName=name)["Table"])
            self.say("table %s time to live" % name, c.describe_time_to_live(TableName=name)["TimeToLiveDescription"])
            self.say("table %s backups" % name, c.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"])
        c = self.client("s3")
        for b in c.list_buckets()["Buckets"]:
            name = {"Bucket": b["Name"]}
            self.say("bucket", {"Name": b["Name"], "in": c.get_bucket_location(**name)["LocationConstraint"]})
            for of, get in (("encryption", c.get_bucket_encryption), ("cors", c.get_bucket_cors), ("ownership", c.get_bucket_ownership_controls),
                            ("public access", c.get_public_access_block), ("lifecycle", c.get_bucket_lifecycle_configuration), ("versioning", c.get_bucket_versioning)):
                try:
                    self.say("bucket %s %s" % (b["Name"], of), get(**name))
                except ClientError:
                    pass  # it has none


for line in sys.stdin:
    try:
        answer = Reader(json.loads(line)).all()
    except Exception as e:  # the test says what was being read
        answer = {"error": "%s: %s" % (type(e).__name__, e)}
    print(json.dumps(answer), flush=True)
