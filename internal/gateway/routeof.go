package gateway

// RouteOf gives the key of the route that a request of a method and an escaped path
// would take, or "" if there is none. Nothing is decided on it.
func (g *Gateway) RouteOf(method, escaped string) string {
	if g.rest != nil {
		var err error
		if escaped, _, err = cutStage(g.config.Stage, escaped); err != nil {
			return ""
		}
	}
	m, err := g.table.match(method, escaped, nil)
	if err != nil {
		return ""
	}
	return m.key
}
