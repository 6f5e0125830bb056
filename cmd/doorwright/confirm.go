package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// errDeclined ends a command that was not confirmed: nothing was changed.
var errDeclined = errors.New("not confirmed: nothing was changed")

// confirm asks a question whose answer is no unless it is yes. Where nobody can
// answer, --yes has to.
func confirm(cmd *cobra.Command, question string, yes, asJSON bool) error {
	if yes {
		return nil
	}
	if asJSON {
		return fmt.Errorf("%w; --json asks no questions: say --yes", errDeclined)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answer, err := readLine(cmd)
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr())
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w; nobody is there to answer: say --yes", errDeclined)
		}
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

// readLine reads one line of standard input. An interrupt ends the wait, and
// with it soon the program; the read then ends with the process.
func readLine(cmd *cobra.Command) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 1024)).ReadString('\n')
		if text != "" {
			err = nil
		}
		read <- line{strings.TrimSpace(text), err}
	}()
	select {
	case <-cmd.Context().Done():
		return "", errDeclined
	case l := <-read:
		return l.text, l.err
	}
}
