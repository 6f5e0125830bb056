package cloudformation

import "github.com/doorwright/doorwright/app"

// unsupported refuses what has no resources yet: a template without it would deploy an
// app that is not what was declared.
func (s *synth) unsupported() {
	for name, api := range s.app.APIs.All() {
		if api.Protocol == app.ProtocolREST {
			s.notYet("apis."+name, "REST APIs")
		}
	}
	for what, names := range map[string][]string{
		"user pools": s.app.UserPools.Keys(), "identity pools": s.app.IdentityPools.Keys(), "tables": s.app.Tables.Keys(), "buckets": s.app.Buckets.Keys(),
	} {
		for _, name := range names {
			s.notYet(map[string]string{"user pools": "userPools.", "identity pools": "identityPools.", "tables": "tables.", "buckets": "buckets."}[what]+name, what)
		}
	}
}

func (s *synth) notYet(path, what string) {
	s.refuse(s.app.Pos(path), "run it locally until then: doorwright start", "%s cannot go to AWS in this version", what)
}
