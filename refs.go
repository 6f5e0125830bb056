package doorwright

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/app"
)

// attribute gives the value of a resource's attribute that the declaration
// refers to. The declaration has been validated: the resource exists.
func (a *App) attribute(ref app.Ref) (string, error) {
	switch ref.Kind {
	case app.RefAPI:
		if url, ok := a.URL(ref.Name); ok {
			return url, nil
		}
	case app.RefTable:
		if ref.Attribute == "arn" {
			return a.tableARN(ref.Name), nil
		}
		return a.tableName(ref.Name), nil
	case app.RefBucket:
		if ref.Attribute == "arn" {
			return a.bucketARN(ref.Name), nil
		}
		return a.bucketName(ref.Name), nil
	case app.RefIdentityPool:
		if ref.Attribute == "arn" {
			return a.identityPoolARN(ref.Name), nil
		}
		return a.identityPoolIDs[ref.Name], nil
	case app.RefTenant, app.RefTenantApplication:
		if value, ok := a.tenantAttribute(ref); ok {
			return value, nil
		}
	case app.RefAPIKey:
		if value, ok := a.apiKeyAttribute(ref); ok {
			return value, nil
		}
	case app.RefUserPool:
		if pool := a.pools.Pool(ref.Name); pool != nil {
			switch ref.Attribute {
			case "id":
				return pool.ID(), nil
			case "arn":
				return pool.ARN(), nil
			case "issuer":
				return pool.Issuer(), nil
			case "url":
				if l := a.domains[ref.Name]; l != nil {
					return l.url(), nil
				}
			case "domain":
				// As clients have it (Amplify's oauth.domain): the host, no scheme.
				if l := a.domains[ref.Name]; l != nil {
					_, host, _ := strings.Cut(l.url(), "://")
					return host, nil
				}
			case "providerName":
				// How an identity pool names the pool: AWS's form, without a scheme.
				return a.userPoolProvider(pool.ID()), nil
			}
		}
	case app.RefUserPoolClient:
		if pool := a.pools.Pool(ref.Name); pool != nil {
			if client := pool.Client(ref.Client); client != nil {
				switch ref.Attribute {
				case "id":
					return client.ID(), nil
				case "secret":
					return client.Secret(), nil
				}
			}
		}
	}
	return "", fmt.Errorf("%s: %s cannot be resolved", ref.Pos, ref)
}

// apiID gives an API's id in API Gateway's form, ten letters and digits. It is
// the same in every run of a stage.
func apiID(stack, api string) string {
	sum := sha256.Sum256([]byte(stack + "\x00" + api))
	id := strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), 36)
	return ("0000000000" + id)[len(id):][:10]
}
