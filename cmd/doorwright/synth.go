package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
)

func newSynth() *cobra.Command {
	var stage, out string
	cmd := &cobra.Command{
		Use:   "synth [DIR]",
		Short: "Print the CloudFormation template of a stage; needs no AWS account",
		Long: "Synth compiles a stage for AWS and prints its CloudFormation template. It builds the\n" +
			"functions, asks nobody for credentials and sends nothing. What runs on this machine\n" +
			"alone, such as a tenant without a domain, is refused with its line.\n\n" +
			"The functions' packages are kept in .doorwright/.packages; the template names them\n" +
			"by their content, in the bucket of its parameter ArtifactsBucket.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := doorwright.Synth(cmd.Context(), doorwright.SynthConfig{
				Dir: dirArg(args), Stage: stage,
				Progress: func(handler string) { fmt.Fprintln(cmd.ErrOrStderr(), "packaging "+handler) },
			})
			if err != nil {
				return err
			}
			for _, secret := range s.Secrets {
				fmt.Fprintf(cmd.ErrOrStderr(), "the stack reads the secret %s from Secrets Manager\n", secret.Name)
			}
			if out == "" {
				_, err := cmd.OutOrStdout().Write(s.Template)
				return err
			}
			return replaceFile(out, s.Template)
		},
	}
	stageFlag(cmd, &stage)
	cmd.Flags().StringVar(&out, "out", "", "write the template to this file")
	return cmd
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".doorwright-")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // Nothing is left there once it is renamed.
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
