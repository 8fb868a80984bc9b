package update

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// What the others keep their data in comes first, whatever the strategy: a new
// version may need a new one, and a database that is replaced stops while the
// requests of what really serves are drained.
func TestStatefulServicesComeFirst(t *testing.T) {
	api := with(web("api"), func(s *project.Service) { s.DependsOn = []string{"db", "cache"} })
	for _, strategy := range Strategies() {
		t.Run(strategy, func(t *testing.T) {
			s := scenario{
				services: []project.Service{plain("db", project.RoleStateful), plain("cache", project.RoleStateful), api},
				running:  []Container{up("db", 1), up("api", 1)}, routed: []string{"api"}, memory: 4 << 30,
				release: &Release{Number: 7}, options: Options{Strategy: strategy, Named: []string{"api", "cache", "db"}},
				covered: []string{"api"}, singles: []string{"db"}, held: []string{"api"},
			}
			_, plan := s.must(t)
			var order []string
			serving := []string{"shop-api-1"}
			for _, step := range flat(plan.Steps()) {
				switch step := step.(type) {
				case *StartStep:
					order = append(order, step.Service)
				case *SwitchStep:
					serving = step.After.serving()
				case *DrainStep:
					if step.Service == "api" && len(order) == 0 && !slices.Equal(step.Containers, serving) {
						t.Errorf("drains %v while %v serve", step.Containers, serving)
					}
				case *StopStep:
					if step.Service == "db" && slices.Contains(order, "api") {
						t.Errorf("the database stops under the new version, whose requests are not drained:\n%s", plan.Text())
					}
				}
			}
			if last := len(order) - 1; last < 0 || order[last] != "api" {
				t.Errorf("starts in the order %v\n%s", order, plan.Text())
			}
			s.killEverywhere(t)
		})
	}
}

// What a service needs has proven itself before the service starts, also where all
// services change at once.
func TestWhatAServiceNeedsIsUpBeforeIt(t *testing.T) {
	shop := with(web("shop"), func(s *project.Service) { s.Route.Path, s.DependsOn = "/shop", []string{"api"} })
	for _, strategy := range []string{StrategyRolling, StrategyQuick, StrategyBlueGreen} {
		t.Run(strategy, func(t *testing.T) {
			s := scenario{
				services: []project.Service{shop, web("api")}, running: []Container{up("api", 1), up("shop", 1)},
				routed: []string{"api", "shop"}, memory: 4 << 30, release: &Release{Number: 7}, options: Options{Strategy: strategy},
				covered: []string{"api", "shop"}, held: []string{"api", "shop"},
			}
			_, plan := s.must(t)
			var order []string
			for _, step := range flat(plan.Steps()) {
				switch step := step.(type) {
				case *StartStep:
					order = append(order, "start "+step.Service)
				case *GateStep:
					order = append(order, "gate "+step.Spec.Service)
				}
			}
			if !slices.Equal(order, []string{"start api", "gate api", "start shop", "gate shop"}) {
				t.Errorf("%v\n%s", order, plan.Text())
			}
			s.killEverywhere(t)
		})
	}
}

// Requests of all wait until the last of a chain has booted.
func TestHoldOfAChainIsForecast(t *testing.T) {
	shop := with(web("shop"), func(s *project.Service) { s.Route.Path, s.DependsOn = "/shop", []string{"api"} })
	p := &project.Project{Name: "shop", Services: []project.Service{web("api"), shop}, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
	state := State{Containers: []Container{up("api", 1), up("shop", 1)}, Routes: map[string]RouteState{}, Release: &Release{Number: 7},
		Images:    map[string]Image{"api": {ID: newImage}, "shop": {ID: newImage}},
		StepTimes: map[string]time.Duration{StepKey("gate", "api"): 20 * time.Second, StepKey("gate", "shop"): 15 * time.Second}}
	for _, name := range []string{"api", "shop"} {
		state.Routes[name] = RouteState{Listeners: []string{":80"}, Path: "/", Port: 8000, Targets: []TargetRef{{Container: "shop-" + name + "-1", Generation: "7", Weight: 1}}}
	}
	causes := []change.Cause{{Kind: change.KindImage, Words: "image"}}
	changes := []change.Change{{Service: "api", Replace: []string{"shop-api-1"}, Causes: causes}, {Service: "shop", Replace: []string{"shop-shop-1"}, Causes: causes}}
	plan, err := Make(state, p, changes, Options{Strategy: StrategyQuick})
	if err != nil || strings.Count(plan.Text(), "requests wait for about 35s (measured by the last update), which is longer than the 30 s") != 2 {
		t.Errorf("%v\n%s", err, plan.Text())
	}
}
