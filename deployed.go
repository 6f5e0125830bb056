package doorwright

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/store"
	"github.com/doorwright/doorwright/internal/userdata"
)

// Deployed is what is known on this machine of a stage on AWS. AWS knows the rest.
type Deployed struct {
	Account string            `json:"account"`
	Region  string            `json:"region"`
	Stack   string            `json:"stack"`
	Outputs map[string]string `json:"outputs"`
}

// deployedPath is beside the local stages' folders, and can be none: a stage's name
// has no dot. A local stage of the same name has its own outputs.
func deployedPath(dir, stage string) (string, error) {
	if err := app.CheckStage(stage); err != nil {
		return "", err
	}
	return filepath.Join(dir, store.FolderName, stage+".deployed.json"), nil
}

// sealedDeployed is Deployed in its file. A repository may bring such a file, with an
// address to which tokens would be sent: what has no seal of the user's was not written
// on this machine.
type sealedDeployed struct {
	Deployed
	Seal string `json:"seal"`
}

// sealed is what the seal is for, and of.
func (d Deployed) sealed(stage string) (what string, text []byte, err error) {
	text, err = json.Marshal(d)
	return "deployed stage " + stage, text, err
}

// WriteDeployed keeps what `deploy` has made. Where the user has no key ReadDeployed will
// not find it.
func WriteDeployed(dir, stage string, d Deployed) error {
	path, err := deployedPath(dir, stage)
	if err != nil {
		return err
	}
	what, text, err := d.sealed(stage)
	if err == nil {
		text, err = json.MarshalIndent(sealedDeployed{d, userdata.NewKey(dir).Seal(what, text)}, "", "  ")
	}
	if err == nil {
		_, err = store.Folder(dir)
	}
	if err == nil {
		err = store.WriteFile(path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing down what was deployed: %w", err)
	}
	return nil
}

// ReadDeployed gives what was deployed from this machine, and whether anything was. What
// this user has not written here is as if it were not there.
func ReadDeployed(dir, stage string) (_ Deployed, found bool, err error) {
	path, err := deployedPath(dir, stage)
	if err != nil {
		return Deployed{}, false, err
	}
	text, err := store.ReadFile(path, maxStageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Deployed{}, false, nil
	}
	var d sealedDeployed
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	for name, value := range d.Outputs {
		if err == nil {
			err = checkOutput(name, value)
		}
	}
	what, text, marshalErr := d.sealed(stage)
	if err = errors.Join(err, marshalErr); err != nil {
		return Deployed{}, false, fmt.Errorf("reading what was deployed: %w", err)
	}
	if !userdata.NewKey(dir).Made(what, text, d.Seal) {
		return Deployed{}, false, nil
	}
	return d.Deployed, true, nil
}

// ForgetDeployed deletes what WriteDeployed has kept.
func ForgetDeployed(dir, stage string) error {
	path, err := deployedPath(dir, stage)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting what was deployed: %w", err)
	}
	return nil
}

// List gives the outputs, sorted by name.
func (d Deployed) List() []Output {
	list := []Output{}
	for name, value := range d.Outputs {
		list = append(list, Output{name, value})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}
