package doorwright

import (
	"context"
	"fmt"
)

// refuseUnplayed refuses what the declaration understands and this version does not
// run: nothing that is declared is left out in silence, least of all a guard. A room
// that comes to run it takes its line away.
func (a *App) refuseUnplayed(context.Context) error {
	for name := range a.decl.IdentityPools.All() {
		return a.unplayed("identityPools."+name, "identity pools")
	}
	return nil
}

func (a *App) unplayed(path, what string) error {
	return fmt.Errorf("%s: %s are not run by this version; nothing was started", a.decl.Pos(path), what)
}
