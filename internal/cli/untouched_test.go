package cli

import (
	"slices"
	"testing"

	"gapless/internal/project"
	"gapless/internal/update"
)

// Only what changed and gets no new container keeps its recorded definition.
func TestLeftAlone(t *testing.T) {
	p := &project.Project{Services: []project.Service{{Name: "api"}, {Name: "db"}, {Name: "same"}, {Name: "new"}}}
	state := update.State{
		Containers:   []update.Container{{Service: "api", ConfigHash: "1"}, {Service: "db", ConfigHash: "1"}, {Service: "same", ConfigHash: "1"}},
		ConfigHashes: map[string]string{"api": "2", "db": "2", "same": "1", "new": "1"},
	}
	plan := update.Plan{Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{&update.StartStep{Service: "api"}}}}}
	if left := leftAlone(p, plan, state); !slices.Equal(left, []string{"db"}) {
		t.Errorf("got %v", left)
	}
}
