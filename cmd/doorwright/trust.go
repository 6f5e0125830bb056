package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright"
	"github.com/doorwright/doorwright/internal/tty"
)

// authorityDirVariable names the variable that moves the folder of the
// certificate authority, for machines of which nothing stays but some folder.
const authorityDirVariable = "DOORWRIGHT_CA_DIR"

func newTrust() *cobra.Command {
	var export string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Show the certificate authority of https on localhost, and how to trust it",
		Long: "Trust shows the certificate authority that signs the certificates of origins on\n" +
			"localhost, and the commands by which the programs of this machine trust it. It runs none\n" +
			"of them. The authority is this user's on this machine; it is made the first time, in the\n" +
			"folder that " + authorityDirVariable + " names, or else among the user's data.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ca, err := doorwright.OpenAuthority(os.Getenv(authorityDirVariable))
			if err != nil {
				return err
			}
			switch {
			case export != "":
				return exportAuthority(cmd.OutOrStdout(), ca, export)
			case asJSON:
				return printJSON(cmd.OutOrStdout(), trustOf(ca))
			}
			return explainTrust(cmd.OutOrStdout(), trustOf(ca), ca.Made)
		},
	}
	cmd.Flags().StringVar(&export, "export", "", "write the certificate, without its key, to this file; - for the standard output")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.MarkFlagsMutuallyExclusive("export", "json")
	return cmd
}

// trust is what `trust` shows.
type trust struct {
	Certificate string       `json:"certificate"`
	Name        string       `json:"name"`
	SHA256      string       `json:"sha256"`
	NotAfter    time.Time    `json:"notAfter"`
	Commands    []trustGroup `json:"commands"`
}

// trustGroup is commands of one kind.
type trustGroup struct {
	Title string         `json:"title"`
	Note  string         `json:"note,omitempty"`
	For   []trustCommand `json:"for"`
}

// trustCommand has a program or system trust the authority.
type trustCommand struct {
	Program string `json:"program"`
	Trust   string `json:"trust"`
	Undo    string `json:"undo,omitempty"`
}

func trustOf(ca doorwright.Authority) trust {
	file, name := tty.ShellWord(ca.File), tty.ShellWord(ca.Name)
	const nss = `certutil -d sql:"$HOME/.pki/nssdb" `
	debian, fedora := "/usr/local/share/ca-certificates/doorwright.crt", "/etc/pki/ca-trust/source/anchors/doorwright.pem"
	set := "export %s=" + file
	if runtime.GOOS == "windows" {
		set = "$env:%s = '" + strings.ReplaceAll(ca.File, "'", "''") + "'"
	}
	variable := func(program, name string) trustCommand {
		return trustCommand{Program: program, Trust: fmt.Sprintf(set, name)}
	}
	return trust{
		Certificate: ca.File, Name: ca.Name, SHA256: ca.SHA256, NotAfter: ca.NotAfter.UTC(),
		Commands: []trustGroup{{
			Title: "One program, in one shell",
			Note:  "AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE and SSL_CERT_FILE take the place of all other authorities: set them where you talk to localhost alone.",
			For: []trustCommand{
				{Program: "curl", Trust: "curl --cacert " + file + " https://localhost:PORT/"},
				variable("Node", "NODE_EXTRA_CA_CERTS"),
				variable("AWS CLI, boto3, AWS SDKs", "AWS_CA_BUNDLE"),
				variable("Python requests", "REQUESTS_CA_BUNDLE"),
				variable("Go on Linux", "SSL_CERT_FILE"),
			},
		}, {
			Title: "This user's browsers",
			Note:  "certutil of NSS is in libnss3-tools (Debian) or nss-tools (Fedora). Firefox imports it by hand, too: Settings, Privacy & Security, Certificates, Authorities.",
			For: []trustCommand{
				{Program: "Chromium on Linux", Trust: `mkdir -p "$HOME/.pki/nssdb" && ` + nss + "-A -t C,, -n " + name + " -i " + file, Undo: nss + "-D -n " + name},
				{
					Program: "Firefox on Linux",
					Trust:   `for p in "$HOME"/.mozilla/firefox/*/cert9.db; do certutil -d sql:"${p%/*}" -A -t C,, -n ` + name + " -i " + file + "; done",
					Undo:    `for p in "$HOME"/.mozilla/firefox/*/cert9.db; do certutil -d sql:"${p%/*}" -D -n ` + name + "; done",
				},
			},
		}, {
			Title: "This machine",
			For: []trustCommand{
				{
					Program: "Debian, Ubuntu",
					Trust:   "sudo install -m 644 " + file + " " + debian + " && sudo update-ca-certificates",
					Undo:    "sudo rm " + debian + " && sudo update-ca-certificates --fresh",
				},
				{
					Program: "Fedora, RHEL",
					Trust:   "sudo install -m 644 " + file + " " + fedora + " && sudo update-ca-trust",
					Undo:    "sudo rm " + fedora + " && sudo update-ca-trust",
				},
				{
					Program: "macOS, this user",
					Trust:   `security add-trusted-cert -r trustRoot -k "$HOME/Library/Keychains/login.keychain-db" ` + file,
					Undo:    "security remove-trusted-cert " + file + ` && security delete-certificate -c ` + name,
				},
				{
					Program: "Windows, this user",
					Trust:   `certutil -user -addstore Root "` + ca.File + `"`,
					Undo:    `certutil -user -delstore Root "` + ca.Name + `"`,
				},
			},
		}},
	}
}

// explainTrust tells what trusting the authority means, and how it is done and
// undone.
func explainTrust(w io.Writer, t trust, made bool) error {
	var b strings.Builder
	state := "is"
	if made {
		state = "was made now; it is"
	}
	fmt.Fprintf(&b, "The certificate authority of https on localhost %s\n\n", state)
	fmt.Fprintf(&b, "  %s\n  in %s\n  SHA-256 %s\n  until %s\n\n", t.Name, t.Certificate, t.SHA256, t.NotAfter.Format(time.DateOnly))
	b.WriteString("It can sign for localhost, what lies below it and loopback addresses only, and for servers\n" +
		"only. Its key stays beside it, readable by your user alone: who takes it can pass for your\n" +
		"localhost, and for nothing else. Nothing trusts it until you run one of these; Doorwright\n" +
		"runs none of them.\n")
	for _, group := range t.Commands {
		fmt.Fprintf(&b, "\n%s\n", group.Title)
		if group.Note != "" {
			fmt.Fprintf(&b, "  (%s)\n", group.Note)
		}
		for _, c := range group.For {
			fmt.Fprintf(&b, "\n  %s\n    %s\n", c.Program, c.Trust)
			if c.Undo != "" {
				fmt.Fprintf(&b, "  undone by\n    %s\n", c.Undo)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// exportAuthority writes the certificate to a file of its own. It replaces
// nothing but the same.
func exportAuthority(w io.Writer, ca doorwright.Authority, file string) error {
	if file == "-" {
		_, err := w.Write(ca.PEM)
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		there, e := os.ReadFile(file)
		if e == nil && bytes.Equal(there, ca.PEM) {
			return nil
		}
		return fmt.Errorf("exporting the certificate to %s: the file is there already, and holds something else; give another name", file)
	}
	if err != nil {
		return fmt.Errorf("exporting the certificate: %w", err)
	}
	_, err = f.Write(ca.PEM)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("exporting the certificate: %w", err)
	}
	return nil
}
