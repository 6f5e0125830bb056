// Command goes is a function without a library: it asks the Lambda Runtime API
// itself.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
)

func main() {
	invocations := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(invocations + "next")
		if err != nil {
			panic(err)
		}
		next.Body.Close()
		answer, err := json.Marshal(keyType())
		if err != nil {
			panic(err)
		}
		done, err := http.Post(invocations+next.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", strings.NewReader(string(answer)))
		if err != nil {
			panic(err)
		}
		done.Body.Close()
	}
}

func keyType() string {
	res, err := http.Get(os.Getenv("ISSUER") + ".well-known/jwks.json")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	var set struct{ Keys []struct{ Kty string } }
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		return err.Error()
	}
	return set.Keys[0].Kty
}
