// Probe is a runtime of its own that asks of the Runtime API what a good one
// never would, and answers with what it was told.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

type exchange struct {
	What   string `json:"what"`
	Status int    `json:"status"`
	Body   string `json:"body"`
}

func main() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime"
	for {
		next, err := http.Get(base + "/invocation/next")
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, next.Body)
		next.Body.Close()
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		var seen []exchange
		ask := func(what, method, path, body string, change func(*http.Request)) {
			req, err := http.NewRequest(method, base+path, strings.NewReader(body))
			if err != nil {
				log.Fatal(err)
			}
			if change != nil {
				change(req)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				log.Fatal(err)
			}
			answer, _ := io.ReadAll(res.Body)
			res.Body.Close()
			seen = append(seen, exchange{what, res.StatusCode, strings.TrimSpace(string(answer))})
		}
		ask("unknown id", "POST", "/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response", "{}", nil)
		ask("unknown id, error", "POST", "/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/error", "{}", nil)
		ask("next while at work", "GET", "/invocation/next", "", nil)
		ask("origin", "POST", "/invocation/"+id+"/response", `"forged"`, func(r *http.Request) { r.Header.Set("Origin", "null") })
		ask("fetch metadata", "GET", "/invocation/next", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
		ask("host", "POST", "/invocation/"+id+"/response", `"forged"`, func(r *http.Request) { r.Host = "evil.example" })
		ask("localhost", "POST", "/invocation/"+id+"/response", `"forged"`, func(r *http.Request) { r.Host = "localhost" })
		ask("method", "GET", "/invocation/"+id+"/response", "", nil)
		ask("path", "GET", "/elsewhere", "", nil)
		header, _ := json.Marshal(next.Header)
		seen = append(seen, exchange{"headers", next.StatusCode, string(header)})
		answer, _ := json.Marshal(seen)
		res, err := http.Post(base+"/invocation/"+id+"/response", "application/json", bytes.NewReader(answer))
		if err != nil {
			log.Fatal(err)
		}
		status, _ := io.ReadAll(res.Body)
		res.Body.Close()
		log.Printf("response: %d %s", res.StatusCode, bytes.TrimSpace(status))
		res, err = http.Post(base+"/invocation/"+id+"/response", "application/json", strings.NewReader(`"twice"`))
		if err != nil {
			log.Fatal(err)
		}
		res.Body.Close()
		log.Printf("again: %d", res.StatusCode)
	}
}
