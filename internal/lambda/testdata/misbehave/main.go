// Misbehave does what its event says.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	Do   string `json:"do"`
	Code int    `json:"code"`
	Size int    `json:"size"`
	MS   int    `json:"ms"`
	File string `json:"file"`
}

type ownError struct{}

func (ownError) Error() string { return "an error of an own type" }

func main() {
	if os.Getenv("DIE_AT_INIT") != "" {
		fmt.Fprintln(os.Stderr, "dying at init")
		os.Exit(7)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "error":
		return nil, errors.New("it did not work")
	case "own error":
		return nil, ownError{}
	case "panic":
		panic("out of order")
	case "exit":
		fmt.Print("last words")
		os.Exit(e.Code)
	case "sleep":
		select {
		case <-time.After(time.Duration(e.MS) * time.Millisecond):
		case <-time.After(time.Minute):
		}
		return "slept", nil
	case "wait for file": // until it exists
		for range 6000 {
			if _, err := os.Stat(e.File); err == nil {
				return "seen", nil
			}
			time.Sleep(10 * time.Millisecond)
		}
	case "big":
		return strings.Repeat("x", e.Size-2), nil // and two quotation marks
	case "stream error":
		return &failingReader{}, nil
	case "lines":
		for n := range e.Size {
			fmt.Println("line", n)
		}
		os.Stdout.Write(bytes.Repeat([]byte("y"), 300<<10))
		return nil, nil
	case "tell the address":
		fmt.Println("I ask at", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
		return os.Getenv("AWS_LAMBDA_RUNTIME_API"), nil
	case "spawn": // a grandchild in the group, and one that leaves it
		var pids []int
		for _, args := range [][]string{{"sleep", "600"}, {"setsid", "sleep", "601"}} {
			cmd := exec.Command(args[0], args[1:]...)
			if err := cmd.Start(); err != nil {
				return nil, err
			}
			pids = append(pids, cmd.Process.Pid)
		}
		return pids, nil
	}
	return os.Getpid(), nil
}

// failingReader is a streamed answer that breaks off.
type failingReader struct{ sent bool }

func (r *failingReader) Read(p []byte) (int, error) {
	if r.sent {
		return 0, errors.New("the stream broke off")
	}
	r.sent = true
	return copy(p, "half an ans"), nil
}
