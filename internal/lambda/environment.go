package lambda

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/internal/build"
)

// passedOn are the developer's variables that a function's process gets: where
// programs are, and what Windows cannot start one without. Nothing else: the
// rest may hold secrets, and a function that works only because of it fails on
// AWS.
var passedOn = map[string][]string{
	"windows": {"PATH", "PATHEXT", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC"},
	"":        {"PATH"},
}

// environment makes the environment of an instance's process ("Using Lambda
// environment variables", defined runtime environment variables). In the order
// of strength: what a function may set, what the stage adds, what the function
// sets, what Lambda reserves.
func (i *instance) environment(api, tmp string) ([]string, error) {
	c, f := i.f.runtime.config, i.f
	env := map[string]string{
		"LANG": "en_US.UTF-8",
		"TZ":   ":UTC",
		// The home folder holds credentials and settings of tools, which AWS
		// has not either.
		"HOME": tmp, "TMPDIR": tmp,
	}
	passed, ok := passedOn[runtime.GOOS]
	if !ok {
		passed = passedOn[""]
	}
	for _, kv := range c.DeveloperEnv {
		name, value, _ := strings.Cut(kv, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		if slices.Contains(passed, name) {
			env[name] = value
		}
	}
	if runtime.GOOS == "windows" {
		env["TEMP"], env["TMP"], env["USERPROFILE"] = tmp, tmp, tmp
	}
	if a := i.code.artifact; a.Runtime == build.Node {
		// A bundle that asks for a package by a name known only at run time
		// looks where the source would have.
		env["NODE_PATH"] = nodePath(a.Module)
	}
	maps.Copy(env, c.Env)
	maps.Copy(env, f.Environment)
	if err := i.reserve(env, api); err != nil {
		return nil, err
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list, nil
}

// reserve sets what nobody else may.
func (i *instance) reserve(env map[string]string, api string) error {
	c, f := i.f.runtime.config, i.f
	// SDKs must not find the developer's keys, nor ask a network that is not
	// there for any.
	env["AWS_SHARED_CREDENTIALS_FILE"], env["AWS_CONFIG_FILE"] = os.DevNull, os.DevNull
	env["AWS_EC2_METADATA_DISABLED"] = "true"
	maps.Copy(env, map[string]string{
		"AWS_REGION": c.Region, "AWS_DEFAULT_REGION": c.Region,
		"AWS_LAMBDA_RUNTIME_API":          api,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemorySize),
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      i.stream,
		"LAMBDA_TASK_ROOT":                i.code.artifact.Root,
		"LAMBDA_RUNTIME_DIR":              f.runtime.host.boot.dir,
		"_HANDLER":                        f.Handler,
	})
	switch i.code.artifact.Runtime {
	case build.Go:
		env["_HANDLER"] = "bootstrap" // As the OS-only runtimes want it.
	case build.Node:
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_nodejs"
	case build.Python:
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_python"
	}
	if c.Credentials != nil {
		keys, err := c.Credentials(f.Name)
		if err != nil {
			return fmt.Errorf("getting the function's credentials: %w", err)
		}
		i.hold(keys)
		env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = keys.AccessKeyID, keys.SecretAccessKey
		if keys.SessionToken != "" {
			env["AWS_SESSION_TOKEN"] = keys.SessionToken
		}
	}
	return nil
}

// nodePath lists the node_modules folders above a source, nearest first, as
// Node.js looks for packages.
func nodePath(source string) string {
	list := ""
	for dir := filepath.Dir(source); ; dir = filepath.Dir(dir) {
		modules := filepath.Join(dir, "node_modules")
		if fi, err := os.Stat(modules); err == nil && fi.IsDir() {
			if list != "" {
				list += string(os.PathListSeparator)
			}
			list += modules
		}
		if dir == filepath.Dir(dir) {
			return list
		}
	}
}
