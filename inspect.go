package doorwright

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/doorwright/doorwright/app"
	"github.com/doorwright/doorwright/internal/lambda"
)

// inspectPorts are where debuggers look by themselves.
func inspectPort(kind app.FunctionKind) int {
	switch kind {
	case app.FunctionNode:
		return 9229
	case app.FunctionPython:
		return 5678
	}
	return 2345
}

// isInspected says whether a function is the one of Config.Inspect.
func isInspected(inspect string, f app.ResolvedFunction) bool {
	handler := f.Handler
	if f.Kind != app.FunctionGo {
		handler = strings.TrimSuffix(handler, "."+f.Export)
	}
	return inspect != "" && (inspect == f.Handler || inspect == handler || inspect == f.Name)
}

// checkInspect refuses a function that there is not.
func checkInspect(cfg Config, decl *app.App) error {
	var names []string
	for _, f := range decl.Functions() {
		if names = append(names, f.Handler); isInspected(cfg.Inspect, f) {
			return nil
		}
	}
	switch {
	case cfg.Inspect == "" && cfg.InspectWait:
		return fmt.Errorf("waiting for a debugger: say for which function: --inspect %s", joined(slices.Compact(names)))
	case cfg.Inspect == "":
		return nil
	}
	return fmt.Errorf("there is no function %q to inspect: the functions are %s", cfg.Inspect, joined(slices.Compact(names)))
}

// inspects says whether a function is inspected.
func (a *App) inspects(function string) bool {
	return slices.ContainsFunc(a.decl.Functions(), func(f app.ResolvedFunction) bool { return f.Name == function && isInspected(a.cfg.Inspect, f) })
}

// inspected gives each inspected function its port: routes with settings of their own
// make several of a handler.
func (a *App) inspected() (map[string]*lambda.Inspect, error) {
	all := map[string]*lambda.Inspect{}
	taken := 0
	for _, f := range a.decl.Functions() {
		if !isInspected(a.cfg.Inspect, f) {
			continue
		}
		port, err := freePort(inspectPort(f.Kind) + taken)
		if err != nil {
			return nil, fmt.Errorf("finding a port for a debugger: %w", err)
		}
		all[f.Name] = &lambda.Inspect{Port: port, Wait: a.cfg.InspectWait}
		taken = port - inspectPort(f.Kind) + 1
	}
	return all, nil
}

// freePort gives the first port from one on that nobody is at.
func freePort(from int) (int, error) {
	var last error
	for port := from; port < from+portsTried; port++ {
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, last
}
