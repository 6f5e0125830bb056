package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/examples"
)

// A Go template gets a go.mod and a go.sum that pin the one module its
// handlers need, so that its first build asks nothing of the user. A test
// holds them against our own go.sum.
const (
	lambdaGoVersion = "v1.55.1"
	lambdaGoSum     = "h1:We2cCp4BwqqH/JW+bEEo1FhgG71rslvjfi4y7KmlrR0="
	lambdaGoModSum  = "h1:V+NzkHNR6vBC8C1PDloqSLE+7jYWFiPvJJFiCiTm8nE="
	goDirective     = "1.26"
)

// Editors with the YAML language server take the schema from where the declaration's first
// line says.
const (
	schemaFile = "doorwright.schema.json"
	schemaLine = "# yaml-language-server: $schema=" + schemaFile
)

func newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init TEMPLATE DIR",
		Short: "Write a working project from a template",
		Long: "Init writes a template into DIR, which must be new or empty, with the JSON Schema by which\n" +
			"editors complete the declaration. Templates:\n\n  " + strings.Join(templates(), "\n  "),
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 2:
				return nil
			case 0:
				return fmt.Errorf("a template is to be named: %s", strings.Join(templates(), ", "))
			case 1:
				return errors.New("a new folder is to be named")
			}
			return errors.New("one template and one folder are to be named")
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return templates(), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			template, dir := args[0], args[1]
			if !slices.Contains(templates(), template) {
				return fmt.Errorf("there is no template %q; the templates are %s", template, strings.Join(templates(), ", "))
			}
			if err := writeTemplate(template, dir); err != nil {
				return err
			}
			install := ""
			if _, err := os.Stat(filepath.Join(dir, "package.json")); err == nil {
				install = fmt.Sprintf("  npm install --prefix %s\n", dir)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s to %s. Next:\n\n%s  doorwright start %s\n", template, dir, install, dir)
			return err
		},
	}
}

func templates() []string {
	entries, err := fs.ReadDir(examples.Files, ".")
	if err != nil {
		panic("reading the embedded examples: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// writeTemplate writes the files of a template. It never touches a file that
// is there.
func writeTemplate(template, dir string) error {
	switch entries, err := os.ReadDir(dir); {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("writing %s to %s: the folder is not empty; name a new one", template, dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("writing %s to %s: %w", template, dir, err)
	}
	goCode := false
	err := fs.WalkDir(examples.Files, template, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(strings.TrimPrefix(p, template), "/")))
		if d.IsDir() {
			return os.MkdirAll(target, 0o777)
		}
		b, err := fs.ReadFile(examples.Files, p)
		if err != nil {
			return err
		}
		goCode = goCode || path.Ext(p) == ".go"
		if path.Base(p) == app.FileName && !bytes.HasPrefix(b, []byte(schemaLine)) {
			b = append([]byte(schemaLine+"\n"), b...)
		}
		return writeNew(target, b)
	})
	if err == nil && goCode {
		err = writeModule(dir)
	}
	if err == nil {
		err = writeNew(filepath.Join(dir, schemaFile), app.Schema())
	}
	if err == nil {
		err = writeNew(filepath.Join(dir, ".gitignore"), []byte(".doorwright/\nnode_modules/\n"))
	}
	if err != nil {
		return fmt.Errorf("writing %s to %s: %w", template, dir, err)
	}
	return nil
}

func writeModule(dir string) error {
	const lambda = "github.com/aws/aws-lambda-go"
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	mod := fmt.Sprintf("module %s\n\ngo %s\n\nrequire %s %s\n", moduleName(filepath.Base(abs)), goDirective, lambda, lambdaGoVersion)
	sum := fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", lambda, lambdaGoVersion, lambdaGoSum, lambda, lambdaGoVersion, lambdaGoModSum)
	if err := writeNew(filepath.Join(dir, "go.mod"), []byte(mod)); err != nil {
		return err
	}
	return writeNew(filepath.Join(dir, "go.sum"), []byte(sum))
}

// moduleName makes a valid module path of a folder's name.
// https://go.dev/ref/mod#go-mod-file-ident
func moduleName(folder string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, folder)
	if name = strings.Trim(name, "-"); name == "" {
		return "app"
	}
	return name
}

func writeNew(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
