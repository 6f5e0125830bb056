package iam

import (
	"net"
	"net/http"
)

// OfHTTP gives the condition keys that any HTTP request has.
// aws:SecureTransport is true, as it is on AWS, where policies have to decide as they
// do here: who sends a request over plain HTTP to this machine has sent it nowhere.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestproperties
func OfHTTP(r *http.Request) func(key string) (values []string, ok bool) {
	return func(key string) ([]string, bool) {
		value := ""
		switch key {
		case "aws:sourceip":
			value, _, _ = net.SplitHostPort(r.RemoteAddr)
		case "aws:useragent":
			value = r.UserAgent()
		case "aws:referer":
			value = r.Referer()
		case "aws:securetransport":
			value = "true"
		}
		return []string{value}, value != ""
	}
}
