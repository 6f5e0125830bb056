package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/doorwright/doorwright"
)

// Since these versions the AWS CLI honours AWS_ENDPOINT_URL. An older one
// would talk to the real AWS with the stage's keys.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
var endpointURLSince = map[int][2]int{1: {29, 0}, 2: {13, 0}}

var cliVersion = regexp.MustCompile(`^aws-cli/(\d+)\.(\d+)\.(\d+)`)

// warnOfOldCLI looks at the AWS CLI on the PATH. It takes as long as the CLI's
// start does, and ends with ctx.
func warnOfOldCLI(ctx context.Context, observe func(doorwright.Event)) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "aws", "--version").Output()
	if err != nil {
		return // none here: nothing to warn of
	}
	if text := oldCLI(string(out)); text != "" {
		observe(doorwright.Event{Time: time.Now(), Kind: doorwright.KindWarning, Text: text})
	}
}

// oldCLI gives the warning that the output of `aws --version` calls for.
func oldCLI(version string) string {
	m := cliVersion.FindStringSubmatch(version)
	if m == nil {
		return ""
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	since, known := endpointURLSince[major]
	if !known || minor >= since[0] {
		return ""
	}
	return fmt.Sprintf("the AWS CLI on your PATH is %s, which does not honour AWS_ENDPOINT_URL: its calls would go to AWS itself. Install 1.29, 2.13 or later, or give each call --endpoint-url.", m[0])
}
