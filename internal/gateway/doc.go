// Package gateway is the data path of an HTTP API. Its files are the steps of
// a request, in order:
//
//	route.go      match: which route is it, under every reading of the path
//	cors.go       preflight, and the headers on every answer
//	gateway.go    authorize, and the order of everything
//	event.go      build the event of a function
//	invoke.go     invoke it,
//	upstream.go   or forward the request to a url
//	respond.go    write the answer of either
//	errors.go     or an answer of the gateway's own
//	entry.go      and say what happened
//
// config.go says what a gateway is made of, and compile.go checks it.
//
// What the bytes of events and answers look like is package wire/apigw's; who
// may call is package authorizer's; what runs is the [Invoker]'s.
package gateway
