// Echo answers with its event, and with what it sees around it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type answer struct {
	Event       json.RawMessage   `json:"event"`
	RequestID   string            `json:"requestId"`
	ARN         string            `json:"arn"`
	RemainingMS int64             `json:"remainingMs"`
	Dir         string            `json:"dir"`
	PID         int               `json:"pid"`
	Env         map[string]string `json:"env"`
}

func main() {
	lambda.Start(func(ctx context.Context, event json.RawMessage) (answer, error) {
		fmt.Println("hello from echo")
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		dir, err := os.Getwd()
		a := answer{
			Event: event, RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn,
			RemainingMS: time.Until(deadline).Milliseconds(), Dir: dir, PID: os.Getpid(), Env: map[string]string{},
		}
		for _, kv := range os.Environ() {
			for i := range kv {
				if kv[i] == '=' {
					a.Env[kv[:i]] = kv[i+1:]
					break
				}
			}
		}
		return a, err
	})
}
