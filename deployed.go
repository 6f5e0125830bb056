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

// WriteDeployed keeps what `deploy` has made.
func WriteDeployed(dir, stage string, d Deployed) error {
	path, err := deployedPath(dir, stage)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
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

// ReadDeployed gives what was deployed from this machine, and whether anything was.
func ReadDeployed(dir, stage string) (d Deployed, found bool, err error) {
	path, err := deployedPath(dir, stage)
	if err != nil {
		return Deployed{}, false, err
	}
	text, err := store.ReadFile(path, maxStageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Deployed{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	for name, value := range d.Outputs {
		if err == nil {
			err = checkOutput(name, value)
		}
	}
	if err != nil {
		return Deployed{}, false, fmt.Errorf("reading what was deployed: %w", err)
	}
	return d, true, nil
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
