package doorwright

import (
	"maps"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/gateway"
)

// restConfig says a declared REST API in the gateway's words.
func restConfig(api *app.API) *gateway.REST {
	rest := &gateway.REST{GatewayResponses: map[string]gateway.GatewayResponse{}, BinaryMediaTypes: api.BinaryMediaTypes}
	for kind, r := range api.GatewayResponses.All() {
		rest.GatewayResponses[kind] = gateway.GatewayResponse{
			StatusCode: r.StatusCode, Headers: maps.Collect(r.Headers.All()), Templates: maps.Collect(r.Templates.All()),
		}
	}
	return rest
}
