package update

import (
	"testing"

	"gapless/internal/project"
)

// TestSuccesses: how often in a row a container has to answer well.
func TestSuccesses(t *testing.T) {
	command := &project.Healthcheck{Test: []string{"CMD", "true"}}
	for name, c := range map[string]struct {
		service project.Service
		want    int
	}{
		"requests":           {project.Service{Route: &project.Route{Port: 80}, Healthcheck: command}, 3},
		"a command":          {project.Service{Healthcheck: command}, 2},
		"a command, as told": {project.Service{Healthcheck: command, Gate: project.Gate{Successes: 5}}, 5},
	} {
		if got := gateSpec(c.service, "one").Successes; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
