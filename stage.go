package doorwright

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/tty"
)

// The files of a stage's folder that commands read without the running app.
const (
	outputsFile     = "outputs.json"
	environmentFile = "environment.json"

	// maxStageFile bounds what is read of one of them: a stack has 200 outputs of at most
	// 1,024 characters, a local stage hardly more.
	maxStageFile = 4 << 20
)

// Output is one declared output with its value.
type Output struct{ Name, Value string }

// Environment points a client of AWS at a stage.
type Environment struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// Variable is one environment variable.
type Variable struct{ Name, Value string }

// Variables gives the environment variables that the AWS CLI and SDKs read.
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
func (e Environment) Variables() []Variable {
	return []Variable{
		{"AWS_ENDPOINT_URL", e.Endpoint},
		{"AWS_REGION", e.Region},
		{"AWS_DEFAULT_REGION", e.Region},
		{"AWS_ACCESS_KEY_ID", e.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", e.SecretAccessKey},
	}
}

// ReadOutputs gives the outputs of the running or last stage of the app in
// dir, in the order of the declaration.
func ReadOutputs(dir, stage string) ([]Output, error) {
	b, err := readStageFile(dir, stage, outputsFile)
	if err != nil {
		return nil, err
	}
	outputs, err := decodeOutputs(b)
	if err != nil {
		return nil, fmt.Errorf("reading %s of stage %s: %w", outputsFile, stage, err)
	}
	for _, o := range outputs {
		if err := checkOutput(o.Name, o.Value); err != nil {
			return nil, fmt.Errorf("reading %s of stage %s: %w", outputsFile, stage, err)
		}
	}
	return outputs, nil
}

// checkOutput refuses what a terminal would obey. Outputs are printed, also those
// of a declaration, or of a stage's folder, that came with a cloned repository.
func checkOutput(name, value string) error {
	if strings.ContainsFunc(name, tty.Acts) {
		return fmt.Errorf("the name of output %+q has a control character", name)
	}
	if strings.ContainsFunc(value, tty.Acts) {
		return fmt.Errorf("output %s has a control character: %.100q", name, value)
	}
	return nil
}

// ReadEnvironment gives the environment of the running or last stage of the
// app in dir. It holds the stage's root keys.
func ReadEnvironment(dir, stage string) (Environment, error) {
	b, err := readStageFile(dir, stage, environmentFile)
	if err != nil {
		return Environment{}, err
	}
	var e Environment
	if err := json.Unmarshal(b, &e); err != nil {
		return Environment{}, fmt.Errorf("reading %s of stage %s: %w", environmentFile, stage, err)
	}
	if err := e.check(); err != nil {
		return Environment{}, fmt.Errorf("reading %s of stage %s: %w", environmentFile, stage, err)
	}
	return e, nil
}

// check holds an environment to what Listen writes. A shell is about to evaluate
// it, and every client of AWS will talk to its endpoint: a folder that came with
// a cloned repository must not choose another than this machine.
func (e Environment) check() error {
	_, err := strconv.ParseUint(strings.TrimPrefix(e.Endpoint, "http://localhost:"), 10, 16)
	if err != nil || !strings.HasPrefix(e.Endpoint, "http://localhost:") {
		return fmt.Errorf("its endpoint %.100q is not http://localhost:PORT: doorwright did not write it; start the stage anew", e.Endpoint)
	}
	for _, v := range e.Variables()[1:] {
		if strings.Trim(v.Value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-") != "" {
			return fmt.Errorf("its %s is none that doorwright wrote; start the stage anew", v.Name)
		}
	}
	return nil
}

// Stages names the stages of the app in dir that are known here: the default one, those
// that the declaration names, if it has no mistakes, and those that have left something.
func Stages(dir string) []string {
	names := []string{DefaultStage}
	if decl, err := Check(dir, ""); err == nil {
		names = append(names, decl.StageNames()...)
	}
	left, _ := os.ReadDir(filepath.Join(dir, store.FolderName)) // none, if it cannot be read
	for _, e := range left {
		if e.IsDir() && app.CheckStage(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// neverRun is the error of a stage that has left nothing behind.
func neverRun(dir, stage string) error {
	if _, err := os.Stat(filepath.Join(dir, app.FileName)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s in %s", app.FileName, dir)
	}
	return fmt.Errorf("stage %s of the app in %s has never run: start it with `%s`", stage, dir, startCommand(dir, stage))
}

// startCommand is the command that starts a stage.
func startCommand(dir, stage string) string {
	command := "doorwright start"
	if dir != "." {
		command += " " + tty.ShellWord(dir)
	}
	if stage != DefaultStage {
		command += " --stage " + stage
	}
	return command
}

func readStageFile(dir, stage, name string) ([]byte, error) {
	if err := app.CheckStage(stage); err != nil {
		return nil, err
	}
	b, err := store.ReadFile(filepath.Join(store.Path(dir, stage), name), maxStageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, neverRun(dir, stage)
	}
	return b, err
}

// encodeOutputs writes a JSON object that keeps the declaration's order.
func encodeOutputs(outputs []Output) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, o := range outputs {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, s := range []string{o.Name, o.Value} {
			text, err := json.Marshal(s)
			if err != nil {
				return nil, err
			}
			b.WriteString([]string{"\n  ", ": "}[j])
			b.Write(text)
		}
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

func decodeOutputs(b []byte) ([]Output, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil { // the opening brace
		return nil, err
	}
	var outputs []Output
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		o := Output{Name: fmt.Sprint(name)}
		if err := d.Decode(&o.Value); err != nil {
			return nil, err
		}
		outputs = append(outputs, o)
	}
	return outputs, nil
}
