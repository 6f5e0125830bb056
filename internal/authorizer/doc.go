// Package authorizer decides who may call a route. Each kind of authorizer
// reads the identity source of a request and gives a [Decision]: not only
// whether, but why, and the smallest change that would flip it.
//
// It owns identity sources, scopes, the challenge that a refused caller gets,
// and the words of the explanation. It does not own the verification of
// tokens, which is package verify's, nor the answer that is written, which is
// the gateway's.
package authorizer
