package update

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// Blue-green is refused with the figures where the second copies do not fit.
func TestBlueGreenNeedsRoom(t *testing.T) {
	s := scenario{services: scenarios[0].services, running: []Container{up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 1}, options: Options{Strategy: StrategyBlueGreen}}
	for _, c := range []struct {
		available int64
		refused   bool
	}{{164 << 20, false}, {163 << 20, true}, {0, false}} {
		s.memory = c.available
		_, _, err := s.build()
		var refused *StrategyError
		if errors.As(err, &refused) != c.refused {
			t.Errorf("%d MiB available: %v", c.available>>20, err)
		}
		if c.refused && !strings.Contains(err.Error(), "api 100 MiB") {
			t.Errorf("no figures: %v", err)
		}
	}
}

// The same for a memory limit around the containers and for the connections of
// a database; what is known of others does not count.
func TestBlueGreenNeedsRoomEverywhere(t *testing.T) {
	base := scenario{services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }), plain("worker", project.RoleWorker)},
		running: []Container{up("api", 1), up("shop", 1), up("worker", 1)}, routed: []string{"api", "shop"}, memory: 8 << 30,
		release: &Release{Number: 1}, options: Options{Strategy: StrategyBlueGreen}}
	group := func(limit int64, services ...string) scenario {
		s := base
		s.groups = []MemoryGroup{{Path: "/shop.slice", LimitBytes: limit << 20, UsedBytes: 300 << 20, Services: services}}
		return s
	}
	database := func(used int) scenario {
		s := base
		s.server = []Database{{Service: "db", Limit: 97, Used: used, Each: map[string]int{"api": 20, "worker": 5, "backup": 50}}}
		return s
	}
	for name, c := range map[string]struct {
		scenario scenario
		want     string
	}{
		"the limit is wide":             {group(664, "api", "shop", "worker"), ""},
		"the limit is narrow":           {group(663, "api", "shop", "worker"), "the second copies need 300 MiB (api 100 MiB, shop 100 MiB, worker 100 MiB); 363 MiB of 663 MiB are available in control group /shop.slice, of which 64 MiB stay in reserve"},
		"the limit is narrow for one":   {group(463, "worker"), "the second copies need 100 MiB (worker 100 MiB); 163 MiB of 463 MiB are available in control group /shop.slice, of which 64 MiB stay in reserve"},
		"the limit is that of another":  {group(301, "db"), ""},
		"the database has connections":  {database(69), ""},
		"the database has too few":      {database(70), "the second copies need 25 connections of db (api 20, worker 5); 70 of 97 now, 95 at the peak, and 3 stay in reserve"},
		"the database has none already": {database(120), "the second copies need 25 connections of db (api 20, worker 5); 97 of 97 now, 122 at the peak, and 3 stay in reserve"},
	} {
		_, _, err := c.scenario.build()
		var refused *StrategyError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &refused) || refused.Reason != c.want):
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestUnknownStrategy(t *testing.T) {
	s := scenarios[0]
	s.options = Options{Strategy: "canari"}
	_, _, err := s.build()
	var refused *StrategyError
	if !errors.As(err, &refused) || !strings.Contains(refused.Hint(), StrategyBlueGreen) {
		t.Errorf("%v", err)
	}
}

// While requests wait, a version that takes much longer to boot than the one
// before is given up early, and the plan says why and what changes that; beside
// the old one it has all its time.
func TestGateOfHeldRequestsIsShort(t *testing.T) {
	for _, c := range []struct {
		strategy string
		measured time.Duration
		declared time.Duration
		want     time.Duration
	}{
		{StrategyQuick, 2 * time.Second, 0, 11 * time.Second},
		{StrategyReload, 2 * time.Second, 0, 11 * time.Second},
		{StrategyReload, 90 * time.Second, 0, DefaultGateDeadline},
		{StrategyQuick, 0, 0, DefaultGateDeadline},
		{StrategyQuick, 2 * time.Second, 40 * time.Second, 40 * time.Second},
		{StrategyRolling, 2 * time.Second, 0, DefaultGateDeadline},
		{StrategyBlueGreen, 2 * time.Second, 0, DefaultGateDeadline},
	} {
		service := with(web("api"), func(s *project.Service) { s.Gate.Deadline = c.declared })
		old := up("api", 1)
		state := State{Containers: []Container{old}, StepTimes: map[string]time.Duration{StepKey("gate", "api"): c.measured},
			Routes: map[string]RouteState{"api": {Listeners: []string{":80"}, Path: "/", Port: 8000, Targets: []TargetRef{{Container: old.Name, Weight: 1}}}}}
		p := &project.Project{Name: "shop", Services: []project.Service{service}, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
		changes := []change.Change{{Service: "api", Replace: []string{old.Name}, Causes: []change.Cause{{Kind: change.KindImage, Words: "image changed"}}}}
		plan, err := Make(state, p, changes, Options{Strategy: c.strategy, Watch: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plan.Steps() {
			if watch, is := step.(*WatchStep); is && watch.Gates[0].Why != "" {
				t.Errorf("%+v: the watch has the reason of the gate", c)
			}
			gate, is := step.(*GateStep)
			if !is {
				continue
			}
			why := ""
			if c.want == 11*time.Second {
				why = "requests wait, and the version before took 2 s; gate: {deadline: 1m0s} in the x-gapless of api allows longer"
			}
			if line := gate.Line(); gate.Spec.Deadline != c.want || gate.Spec.Why != why || line.Reason != why {
				t.Errorf("%+v: deadline %s, %s", c, gate.Spec.Deadline, line.Reason)
			}
		}
	}
}
