package update

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"gapless/internal/project"
)

// A service of a profile that is not active now is none of this update's
// business, as with docker compose: what runs of it keeps its route.
func TestInactiveProfileKeepsItsRoute(t *testing.T) {
	running := []Container{up("admin", 1)}
	for name, c := range map[string]struct {
		compose    *types.Project
		containers []Container
		dropped    bool
	}{
		"inactive":         {&types.Project{DisabledServices: types.Services{"admin": {}}}, running, false},
		"inactive and off": {&types.Project{DisabledServices: types.Services{"admin": {}}}, nil, true},
		"removed":          {&types.Project{}, running, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &project.Project{Name: "shop", Compose: c.compose, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
			state := State{Containers: c.containers, Release: &Release{Number: 1}, Routes: map[string]RouteState{"admin": {Listeners: []string{":80"}, Path: "/admin"}}}
			plan, err := Make(state, p, nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if dropped := !plan.Empty(); dropped != c.dropped {
				t.Errorf("dropped is %t\n%s", dropped, plan.Text())
			}
		})
	}
}
