package gateway

// Plan gives the steps that the request had to take, in their order. What is behind the
// one that it came to, was not reached.
func (e *Entry) Plan() []Step {
	t := e.Trace
	if t == nil {
		return nil
	}
	plan := []Step{AtRequest}
	rest := t.g.rest
	if rest != nil {
		plan = append(plan, AtStage)
	}
	plan = append(plan, AtRoute)
	if t.route == nil {
		if t.At == AtPreflight {
			plan = append(plan, AtPreflight)
		}
		return plan
	}
	if t.At == AtPreflight && rest == nil {
		return append(plan, AtPreflight)
	}
	if rest == nil {
		return append(plan, AtAuthorizer, AtEvent, AtInvocation, AtReply)
	}
	_, signed := t.route.authorizer.(SignedAuthorizer)
	_, function := t.route.authorizer.(FunctionAuthorizer)
	policy := rest.policy != nil && !signed
	after := policy && t.route.authorizer != nil && !function // a user pool's is asked first
	if policy && !after {
		plan = append(plan, AtPolicy)
	}
	plan = append(plan, AtAuthorizer)
	if after {
		plan = append(plan, AtPolicy)
	}
	if t.route.preflight {
		return append(plan, AtPreflight)
	}
	if t.route.apiKeyRequired {
		plan = append(plan, AtAPIKey)
	}
	if t.route.apiKeyRequired || t.route.throttle != nil {
		plan = append(plan, AtLimits)
	}
	if len(t.route.required.headers)+len(t.route.required.query) > 0 {
		plan = append(plan, AtValidator)
	}
	return append(plan, AtEvent, AtInvocation, AtReply)
}

// RouteScopes gives the scopes of which the route asks for one.
func (t *Trace) RouteScopes() []string {
	if t.route == nil {
		return nil
	}
	return t.route.scopes
}
