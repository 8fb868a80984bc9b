package cli

import (
	"slices"
	"testing"

	"gapless/internal/change"
	"gapless/internal/project"
	"gapless/internal/update"
)

// Only what runs, gets new code and may bring migrations is judged.
func TestToJudge(t *testing.T) {
	migrate := []string{"manage.py", "migrate"}
	source := change.SourceChange{Known: true, Code: true}
	for _, c := range []struct {
		name    string
		service project.Service
		change  change.Change
		stopped bool
		named   []string
		want    []string // the command that is tried; nil: not judged
	}{
		{name: "a new image", change: change.Change{Causes: []change.Cause{{Kind: change.KindImage}}}, want: migrate},
		{name: "new settings", change: change.Change{Causes: []change.Cause{{Kind: change.KindConfig}}}},
		{name: "nothing runs", change: change.Change{Causes: []change.Cause{{Kind: change.KindImage}}}, stopped: true},
		{name: "others are named", change: change.Change{Causes: []change.Cause{{Kind: change.KindImage}}}, named: []string{"worker"}},
		{name: "it is named", change: change.Change{Causes: []change.Cause{{Kind: change.KindImage}}}, named: []string{"api"}, want: migrate},
		{name: "code without migrations", change: change.Change{Causes: []change.Cause{{Kind: change.KindSource}}, Source: source}},
		{name: "code with migrations", change: change.Change{Causes: []change.Cause{{Kind: change.KindSource}}, Source: change.SourceChange{Known: true, Migrations: []string{"a/1"}}}, want: migrate},
		{name: "dependencies, which may bring some", change: change.Change{Causes: []change.Cause{{Kind: change.KindSource}}, Source: change.SourceChange{Known: true, Dependencies: true}}, want: migrate},
		{name: "a job migrates", service: project.Service{Preparation: project.Preparation{MigratedBy: "job", JobMigrate: []string{"the job's"}}},
			change: change.Change{Causes: []change.Cause{{Kind: change.KindImage}}}, want: []string{"the job's"}},
		{name: "nobody migrates", service: project.Service{Role: project.RoleWeb}, change: change.Change{Causes: []change.Cause{{Kind: change.KindImage}}}},
	} {
		service := c.service
		if service.Role == "" && service.MigratedBy == "" {
			service.Migrate = migrate
		}
		service.Name, c.change.Service = "api", "api"
		s := &session{project: &project.Project{Services: []project.Service{service}}}
		state := update.State{Containers: []update.Container{{Service: "api", ImageID: "old", Running: !c.stopped}}}
		var got []string
		for _, j := range s.toJudge(state, []change.Change{c.change}, c.named) {
			got = j.service.Migrate
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What serves must not lose its memory to a trial.
func TestUntraced(t *testing.T) {
	state := update.State{Containers: []update.Container{{Service: "api", MemoryBytes: 400 << 20, Running: true}}}
	s := &session{}
	for _, c := range []struct {
		free    int64
		noTrace bool
		traced  bool
	}{{0, false, true}, {500 << 20, false, false}, {600 << 20, false, true}, {600 << 20, true, false}} {
		state.MemoryAvailableBytes, s.noTrace = c.free, c.noTrace
		if why := s.untraced(state, "api"); (why == "") != c.traced {
			t.Errorf("%+v: %q", c, why)
		}
	}
}
