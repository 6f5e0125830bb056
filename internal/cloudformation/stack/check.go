package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Secret is one that a template reads, by its name in Secrets Manager.
type Secret struct{ Name, Position string }

// A problem is something that AWS would fail at in the middle of a deploy, or worse,
// and that can be known before.
type problem struct{ position, text, fix string }

// checking is what the checks before a deploy look at.
type checking struct {
	*deploying
	// live are the physical ids of what the stack has, by logical id; owned those of its
	// OIDC providers.
	live  map[string]string
	owned []string
	// before is the template of the last deploy; empty for a new stack.
	before   template
	problems []problem
}

// check asks AWS for what a change set does not tell: whether the secrets are there,
// whether API Gateway may write the logs of REST APIs, whether the account trusts an
// issuer already, and whether user pools and tables have what cannot be changed. All that
// is wrong is said at once, before anything changes.
func (r *deploying) check(ctx context.Context, stack *types.Stack) error {
	c := &checking{deploying: r, live: map[string]string{}}
	if stack != nil && stack.StackStatus != types.StackStatusReviewInProgress {
		resources, err := r.resources(ctx, stack)
		if err != nil {
			return err
		}
		for _, res := range resources {
			if aws.ToString(res.ResourceType) == oidcProviderType {
				c.owned = append(c.owned, *res.PhysicalResourceId)
			}
			if !neverGood(stack.StackStatus) { // what it has is deleted first
				c.live[aws.ToString(res.LogicalResourceId)] = *res.PhysicalResourceId
			}
		}
		text, err := r.templateOf(ctx, stack)
		if err == nil && text != nil {
			r.has = text
			c.before, err = parseTemplate(text)
		}
		if err != nil {
			return err
		}
	}
	for _, check := range []func(context.Context) error{c.partition, c.secrets, c.providers, c.userPools, c.tables, c.restLogs} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return c.err()
}

// partition refuses what a template says in the words of the partition aws alone, where
// --region leads to another one; see refusePartition of the compiler.
func (c *checking) partition(context.Context) error {
	if c.target.partition == "aws" {
		return nil
	}
	for _, kind := range []string{identityPoolType, poolDomainType} {
		for _, id := range c.t.of(kind) {
			c.refuse(c.d.Positions[id], "deploy to a region of the partition aws", "%s (%s) cannot go to the partition %s in this version: its names are others there", id, kind, c.target.partition)
		}
	}
	return nil
}

func (c *checking) refuse(position, fix, format string, args ...any) {
	c.problems = append(c.problems, problem{position, plain(fmt.Sprintf(format, args...)), fix})
}

// err says all that is wrong, and each fix once.
func (c *checking) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("this would fail:")
	fixes := []string{"nothing was changed"}
	for _, p := range c.problems {
		text.WriteString("\n  ")
		if p.position != "" {
			text.WriteString(p.position + ": ")
		}
		text.WriteString(p.text)
		if !slices.Contains(fixes, p.fix) {
			fixes = append(fixes, p.fix)
		}
	}
	return &Error{Doing: "comparing with what is in account " + c.target.Account, Err: errors.New(text.String()), Fix: strings.Join(fixes, "\n")}
}

// of gives the logical ids of the template's resources of a type, sorted.
func (t template) of(kind string) []string {
	var ids []string
	for id, r := range t.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// position gives the place of a resource's property, or else of the resource.
func (r *deploying) position(id, property string) string {
	if at := r.d.Positions[id+"."+property]; at != "" {
		return at
	}
	return r.d.Positions[id]
}

// isVersionID says whether a version's id can be put into a reference.
func isVersionID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// secrets looks whether the secrets are there, and never at what is in them. The
// template gets the version that is current: CloudFormation resolves a reference when
// its own text changes, so that a new value reaches functions by a deploy, and by no
// other way.
// https://repost.aws/knowledge-center/cloudformation-stack-update-secrets
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
func (c *checking) secrets(ctx context.Context) error {
	const value = "--secret-string file://PATH   (PATH: a file that holds the value alone, with no newline at its end)"
	text := string(c.d.Template)
	for _, secret := range c.d.Secrets {
		var out struct {
			DeletedDate        *float64
			VersionIdsToStages map[string][]string
		}
		err := c.ask(ctx, "looking for the secret "+secret.Name, secretsService, "DescribeSecret", map[string]string{"SecretId": secret.Name}, &out)
		command := func(verb, arg string) string {
			return fmt.Sprintf("  aws secretsmanager %s --region %s %s %s", verb, c.target.Region, arg, secret.Name)
		}
		if missing(err) {
			c.refuse(secret.Position, command("create-secret", "--name")+" "+value, "the secret %s is not in Secrets Manager", secret.Name)
			continue
		}
		if err != nil {
			return err
		}
		current := ""
		for id, stages := range out.VersionIdsToStages {
			if slices.Contains(stages, "AWSCURRENT") {
				current = id
			}
		}
		switch {
		case out.DeletedDate != nil:
			c.refuse(secret.Position, command("restore-secret", "--secret-id"), "the secret %s is to be deleted", secret.Name)
		case current == "":
			c.refuse(secret.Position, command("put-secret-value", "--secret-id")+" "+value, "the secret %s has no value", secret.Name)
		case !isVersionID(current):
			return fmt.Errorf("looking for the secret %s: the id of its version is %.80q", secret.Name, current)
		default:
			text = strings.ReplaceAll(text, "{{resolve:secretsmanager:"+secret.Name+":SecretString}}", "{{resolve:secretsmanager:"+secret.Name+":SecretString:::"+current+"}}")
		}
	}
	c.d.Template = []byte(text)
	return nil
}
