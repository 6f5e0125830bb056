package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const oidcProviderType = "AWS::IAM::OIDCProvider"

// Provider is an OIDC provider of the account, which others may have made, and what is
// wanted of it.
type Provider struct {
	ARN, URL string
	Clients  []string
	Position string
}

// found is what IAM tells of a provider.
type found struct {
	URL     string                        `xml:"GetOpenIDConnectProviderResult>Url"`
	Clients []string                      `xml:"GetOpenIDConnectProviderResult>ClientIDList>member"`
	Tags    []struct{ Key, Value string } `xml:"GetOpenIDConnectProviderResult>Tags>member"`
}

// providers looks for the issuers that are to be trusted among those that the account
// trusts already. It has one provider for each URL. Who made that may take it away
// again, with a stage that is removed: so it is not used because it is there, but
// because the declaration names it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
func (c *checking) providers(ctx context.Context) error {
	for _, p := range c.d.Providers {
		if err := c.reused(ctx, p); err != nil {
			return err
		}
	}
	ids := c.t.of(oidcProviderType)
	if len(ids) == 0 {
		return nil
	}
	var list struct {
		ARNs []string `xml:"ListOpenIDConnectProvidersResult>OpenIDConnectProviderList>member>Arn"`
	}
	if err := c.askIAM(ctx, "listing the OIDC providers of the account", "ListOpenIDConnectProviders", "", &list); err != nil {
		return err
	}
	for _, id := range ids {
		var wanted struct {
			URL     any   `json:"Url"`
			Clients []any `json:"ClientIdList"`
		}
		if err := json.Unmarshal(c.t.Resources[id].Properties, &wanted); err != nil {
			return fmt.Errorf("reading %s in the template: %w", id, err)
		}
		issuer, known := wanted.URL.(string)
		if !known {
			continue // an issuer of this very stack: nobody has trusted it yet
		}
		i := slices.IndexFunc(list.ARNs, func(arn string) bool { return strings.EqualFold(issuerOf(arn), strings.TrimPrefix(issuer, "https://")) })
		if i < 0 || slices.Contains(c.owned, list.ARNs[i]) {
			continue
		}
		if err := c.taken(ctx, id, list.ARNs[i], wanted.Clients); err != nil {
			return err
		}
	}
	return nil
}

// issuerOf gives the issuer that a provider's ARN names, without https://.
func issuerOf(arn string) string {
	_, issuer, _ := strings.Cut(arn, ":oidc-provider/")
	return issuer
}

func (c *checking) askIAM(ctx context.Context, doing, action, arn string, out any) error {
	in := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	if arn != "" {
		in.Set("OpenIDConnectProviderArn", arn)
	}
	return c.ask(ctx, doing, iamService, action, in, out)
}

// taken refuses to make a provider of which there is one that is not the stack's.
func (c *checking) taken(ctx context.Context, id, arn string, clients []any) error {
	var p found
	if err := c.askIAM(ctx, "looking at the OIDC provider "+arn, "GetOpenIDConnectProvider", arn, &p); err != nil {
		return err
	}
	whose := "somebody has made it outside of this stack"
	tags := map[string]string{}
	for _, t := range p.Tags {
		tags[t.Key] = t.Value
	}
	if tags[tagApp] != "" {
		whose = fmt.Sprintf("it is of stage %s of %s, and goes when that is removed", tags[tagStage], tags[tagApp])
	}
	fix := fmt.Sprintf("to use the one that is there, write in its federation, below stages.%s:\n  providerArn: %s", c.cfg.Stage, arn)
	for _, client := range clients {
		if name, ok := client.(string); ok && !slices.Contains(p.Clients, name) {
			fix += "\nand let it take the client " + name + ":\n" + addClient(arn, name)
		}
	}
	c.refuse(c.position(id, "Url"), fix, "the account trusts %s already, and an account has one OIDC provider for each issuer; %s", issuerOf(arn), whose)
	return nil
}

func addClient(arn, client string) string {
	return fmt.Sprintf("  aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn %s --client-id %s", arn, client)
}

// reused looks whether a provider that the declaration names is what it is named for.
func (c *checking) reused(ctx context.Context, p Provider) error {
	if slices.Contains(c.owned, p.ARN) {
		c.refuse(p.Position, fmt.Sprintf("take providerArn out for the stage %s, and keep it in the others", c.cfg.Stage),
			"%s is this stack's own: named by providerArn it would be deleted as it is used", p.ARN)
		return nil
	}
	const look = "look for it with `aws iam list-open-id-connect-providers`, or take providerArn out: then the stack makes one"
	if arn := strings.Split(p.ARN, ":"); len(arn) < 6 || arn[4] != c.target.Account {
		c.refuse(p.Position, look, "%s is not of account %s", p.ARN, c.target.Account)
		return nil
	}
	var there found
	err := c.askIAM(ctx, "looking at the OIDC provider "+p.ARN, "GetOpenIDConnectProvider", p.ARN, &there)
	if missing(err) {
		c.refuse(p.Position, look, "the account has no OIDC provider %s", p.ARN)
		return nil
	}
	if err != nil {
		return err
	}
	if want := strings.TrimPrefix(p.URL, "https://"); want != "" && !strings.EqualFold(strings.TrimPrefix(there.URL, "https://"), want) {
		c.refuse(p.Position, look, "%s is of the issuer %s, not %s", p.ARN, there.URL, want)
	}
	for _, client := range p.Clients {
		if !slices.Contains(there.Clients, client) {
			c.refuse(p.Position, addClient(p.ARN, client), "%s takes no tokens for the client %s: it has %s", p.ARN, client, strings.Join(there.Clients, ", "))
		}
	}
	return nil
}
