package update

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/change"
	"gapless/internal/project"
)

// TestLevels: what a service needs changes before it, also where the file does
// not say it; a job does not keep what it does not concern from its wave.
func TestLevels(t *testing.T) {
	needs := func(s project.Service, names ...string) project.Service {
		s.DependsOn = names
		return s
	}
	for _, c := range []struct {
		name     string
		services []project.Service
		want     string
	}{
		{"nothing is said", []project.Service{web("api"), plain("beat", project.RoleScheduler), plain("worker", project.RoleWorker)}, "api beat worker"},
		{"a chain", []project.Service{web("a"), needs(web("b"), "a"), needs(web("c"), "b"), web("d")}, "a d | b | c"},
		{"through a service that stays", []project.Service{web("a"), needs(web("stays"), "a"), needs(web("c"), "stays")}, "a | c"},
		{"a job first", []project.Service{web("api"), needs(plain("worker", project.RoleWorker), "job"), plain("job", project.RoleJob)}, "api worker job"},
		{"a job last", []project.Service{web("api"), needs(plain("job", project.RoleJob), "api"), plain("worker", project.RoleWorker)}, "api worker | job"},
		{"a database", []project.Service{web("api"), plain("db", project.RoleStateful), plain("job", project.RoleJob)}, "db | api job"},
		{"a front", []project.Service{web("api"), plain("nginx", project.RoleFront)}, "api | nginx"},
		{"a front that is needed", []project.Service{needs(web("api"), "nginx"), plain("nginx", project.RoleFront)}, "nginx | api"},
	} {
		p := newPlanner(State{}, &project.Project{Name: "shop", Services: c.services}, nil, Options{})
		for _, s := range c.services {
			if s.Name != "stays" {
				p.work = append(p.work, work{s, change.Change{Service: s.Name}})
			}
		}
		var levels []string
		for _, level := range p.levels() {
			var names []string
			for _, w := range level {
				names = append(names, w.service.Name)
			}
			levels = append(levels, strings.Join(names, " "))
		}
		if diff := cmp.Diff(c.want, strings.Join(levels, " | ")); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestWavesSayWhyTheySplit: a service that waits for others is named with the
// figures.
func TestWavesSayWhyTheySplit(t *testing.T) {
	for name, want := range map[string]string{
		"memory for two second copies": "note: worker: starts after api, shop: all second copies at once need 300 MiB, 300 MiB are available, of which 64 MiB stay in reserve",
		"one processor":                "note: worker: starts after api, shop: 3 containers would boot at once on 1 processor",
	} {
		for _, s := range scenarios {
			if s.name != name {
				continue
			}
			_, plan := s.must(t)
			if text := plan.Text(); !strings.Contains(text, want+"\n") {
				t.Errorf("%s: the plan does not say %q:\n%s", name, want, text)
			}
		}
	}
}

// TestTogetherLeavesNeedsAlone joins steps of one kind, and none of a service
// that needs another of them.
func TestTogetherLeavesNeedsAlone(t *testing.T) {
	api := web("api")
	shop := with(web("shop"), func(s *project.Service) { s.DependsOn = []string{"api"} })
	p := newPlanner(State{}, &project.Project{Name: "shop", Services: []project.Service{api, shop, web("other")}}, nil, Options{})
	start := func(name string) Step { return &StartStep{Service: name, Name: name} }
	plan := Plan{Phases: []Phase{{Name: PhaseShift, Steps: p.together([]Step{start("api"), start("other"), start("shop"), &HoldStep{Service: "api"}, &HoldStep{Service: "shop"}})}}}
	var lines []string
	for _, row := range plan.Rows() {
		lines = append(lines, row.Number()+" "+row.Line.Verb+" "+row.Line.Object)
	}
	want := []string{"1 start api", "+ start other", "2 start shop", "3 hold api", "4 hold shop"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}
