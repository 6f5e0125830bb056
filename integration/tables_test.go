package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tablesApp is an app with a table that has an index of each kind.
const tablesApp = `name: tables
region: eu-west-1
tables:
  Notes:
    fields: {userId: string, noteId: string, day: string}
    primaryIndex: {partitionKey: userId, sortKey: noteId}
    globalIndexes: {byDay: {partitionKey: day, sortKey: userId, projection: keys_only}}
    localIndexes: {ownByDay: {sortKey: day}}
outputs: {TableName: "${tables.Notes.name}", TableArn: "${tables.Notes.arn}"}
`

// tables starts the app, with dynalite installed beside its declaration.
func tables(t *testing.T) *process {
	t.Helper()
	dir := project(t, "quickstart")
	edit(t, filepath.Join(dir, "doorwright.yaml"), tablesApp)
	if err := os.Symlink(filepath.Join(packages(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return start(t, dir)
}

// TestTablesByBoto3 keeps items in a table through boto3, as root and as nobody, and
// finds them after a restart.
func TestTablesByBoto3(t *testing.T) {
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		need(t, "python3 with boto3")
	}
	p := tables(t)
	run := func(script string) {
		t.Helper()
		c := exec.Command(python, "-c", script, p.outputs()["TableName"], p.outputs()["TableArn"])
		c.Env = p.env()
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	run(`
import boto3, sys
from boto3.dynamodb.conditions import Key, Attr
from botocore.exceptions import ClientError
from decimal import Decimal
name, arn = sys.argv[1:]
client = boto3.client("dynamodb")
described = client.describe_table(TableName=name)["Table"]
assert described["TableArn"] == arn and described["TableStatus"] == "ACTIVE", described
assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST", described
assert client.list_tables()["TableNames"] == [name]
table = boto3.resource("dynamodb").Table(name)
with table.batch_writer() as batch:
    for user in ("a", "b"):
        for i in range(30):
            batch.put_item(Item={"userId": user, "noteId": "%02d" % i, "day": "d%d" % (i % 3), "n": Decimal(i), "tags": {"x", "y"}, "deep": {"list": [1, {"k": b"bytes"}]}})
got = table.get_item(Key={"userId": "a", "noteId": "07"}, ConsistentRead=True)["Item"]
assert got["n"] == 7 and got["deep"]["list"][1]["k"].value == b"bytes", got
page = table.query(KeyConditionExpression=Key("userId").eq("a") & Key("noteId").between("05", "09"), FilterExpression=Attr("n").gt(6), ProjectionExpression="noteId, #n", ExpressionAttributeNames={"#n": "n"})
assert [i["noteId"] for i in page["Items"]] == ["07", "08", "09"], page
byDay = table.query(IndexName="byDay", KeyConditionExpression=Key("day").eq("d1"))
assert byDay["Count"] == 20 and set(byDay["Items"][0]) == {"userId", "noteId", "day"}, byDay
own = table.query(IndexName="ownByDay", KeyConditionExpression=Key("userId").eq("b") & Key("day").begins_with("d2"), Select="COUNT")
assert own["Count"] == 10 and "Items" not in own, own
up = table.update_item(Key={"userId": "a", "noteId": "07"}, UpdateExpression="SET n = n + :one REMOVE #d", ConditionExpression=Attr("n").eq(7), ExpressionAttributeNames={"#d": "deep"}, ExpressionAttributeValues={":one": 1}, ReturnValues="UPDATED_NEW")
assert up["Attributes"] == {"n": 8}, up
try:
    table.update_item(Key={"userId": "a", "noteId": "07"}, UpdateExpression="SET n = :z", ConditionExpression=Attr("n").eq(7), ExpressionAttributeValues={":z": 0})
    sys.exit("a condition that does not hold")
except client.exceptions.ConditionalCheckFailedException:
    pass
assert sum(p["Count"] for p in client.get_paginator("scan").paginate(TableName=name, PaginationConfig={"PageSize": 7})) == 60
table.delete_item(Key={"userId": "b", "noteId": "00"})
for call, code in (
    (lambda: client.delete_table(TableName=name), "ValidationException"),
    (lambda: client.get_item(TableName="Nowhere", Key={"x": {"S": "y"}}), "ResourceNotFoundException"),
    (lambda: client.execute_statement(Statement='SELECT * FROM "%s"' % name), "UnknownOperationException"),
    (lambda: boto3.client("dynamodb", aws_secret_access_key="wrong", aws_access_key_id=boto3.Session().get_credentials().access_key).list_tables(), "InvalidSignatureException"),
    (lambda: boto3.client("dynamodb", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x").list_tables(), "UnrecognizedClientException"),
    (lambda: boto3.client("dynamodb", region_name="us-east-1").list_tables(), "InvalidSignatureException"),
):
    try:
        call()
        sys.exit(code + " was expected")
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e
# A table that is made at run time is kept beside the declared one.
made = client.create_table(TableName="Made", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}], KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST")
client.get_waiter("table_exists").wait(TableName="Made")
client.put_item(TableName="Made", Item={"id": {"N": "1"}})
`)
	p.stop()
	p = start(t, p.dir)
	run(`
import boto3, sys
client = boto3.client("dynamodb")
assert client.list_tables()["TableNames"] == ["Made", sys.argv[1]], client.list_tables()
assert client.scan(TableName=sys.argv[1], Select="COUNT")["Count"] == 59
assert client.get_item(TableName="Made", Key={"id": {"N": "1.0"}})["Item"] == {"id": {"N": "1"}}
client.delete_table(TableName="Made")
`)
}

// TestTablesWithoutEngine wants the start to say what is missing where nothing keeps
// items, and no table to be served.
func TestTablesWithoutEngine(t *testing.T) {
	dir := project(t, "quickstart")
	edit(t, filepath.Join(dir, "doorwright.yaml"), tablesApp)
	c := exec.Command(binary, "start", dir)
	c.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "Install it beside the declaration (npm install --save-dev dynalite)") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTablesOutliveTheirEngine kills dynalite: it is started again, and holds what it held.
func TestTablesOutliveTheirEngine(t *testing.T) {
	t.Parallel()
	aws := need(t, "aws")
	pgrep := need(t, "pgrep")
	p := tables(t)
	name := p.outputs()["TableName"]
	cli := func(arguments ...string) (string, error) {
		c := exec.Command(aws, append([]string{"dynamodb"}, arguments...)...)
		c.Env = p.env()
		out, err := c.CombinedOutput()
		return string(out), err
	}
	item := `{"userId":{"S":"a"},"noteId":{"S":"1"}}`
	if out, err := cli("put-item", "--table-name", name, "--item", item); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	// The program's own child, of all that may run on this machine.
	out, err := exec.Command(pgrep, "-P", strconv.Itoa(p.cmd.Process.Pid), "-f", filepath.Join(p.dir, ".doorwright", "dev", "tables")).Output()
	if err != nil {
		t.Fatalf("looking for dynalite among the children of %d: %v", p.cmd.Process.Pid, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out))) // exactly one
	if err != nil {
		t.Fatalf("looking for dynalite: %v", err)
	}
	dynalite, err := os.FindProcess(pid)
	if err == nil {
		err = dynalite.Kill()
	}
	if err != nil {
		t.Fatalf("killing dynalite: %v", err)
	}
	p.waitFor("dynalite ended and is started again")
	if out, err := cli("get-item", "--table-name", name, "--key", item, "--query", "Item.noteId.S", "--output", "text"); err != nil || strings.TrimSpace(out) != "1" {
		t.Errorf("after dynalite was killed: %v %s", err, out)
	}
}
