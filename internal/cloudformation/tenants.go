package cloudformation

import "fmt"

// tenants refuses tenants that run on this machine: AWS asks the issuer for its keys,
// and there is no such thing as a tenant of one's own to deploy.
func (s *synth) tenants() {
	for name, tenant := range s.app.Tenants.All() {
		if tenant.Domain == "" {
			s.refuse(s.app.Pos("tenants."+name), fmt.Sprintf("add to the file: stages: {%s: {tenants: {%s: {domain: YOURS.us.auth0.com}}}}", s.app.Stage, name),
				"the tenant %s has no domain in the stage %s: it runs on your machine, which AWS cannot ask for keys", name, s.app.Stage)
		}
	}
}
