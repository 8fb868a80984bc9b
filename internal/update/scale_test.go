package update

import (
	"fmt"
	"slices"
	"testing"

	"gapless/internal/project"
)

// fewer is a new version of which fewer containers are wanted than run.
func fewer(strategy string, replicas int) scenario {
	return scenario{
		name:     fmt.Sprintf("%d replicas of a new version, %s", replicas, strategy),
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Replicas = replicas }), with(plain("worker", project.RoleWorker), func(s *project.Service) { s.Replicas = replicas })},
		running:  []Container{up("api", 1), up("api", 2), up("api", 3), up("worker", 1), up("worker", 2), up("worker", 3)}, routed: []string{"api"},
		release: &Release{Number: 7}, options: Options{Strategy: strategy}, covered: []string{"api"}, held: []string{"api"}, memory: 4 << 30,
	}
}

// Containers that are too many go with the old version, whatever the strategy:
// none of it serves beside the new one in the end.
func TestFewerReplicasOfANewVersion(t *testing.T) {
	for _, strategy := range Strategies() {
		for _, replicas := range []int{0, 1, 2} {
			s := fewer(strategy, replicas)
			if replicas == 0 {
				s.covered = nil
			}
			t.Run(s.name, func(t *testing.T) {
				w, plan, err := s.build()
				if err != nil {
					t.Fatal(err)
				}
				outcome, _, err := start(w, &plan)
				if err != nil || outcome.Result != ResultCommitted {
					t.Fatal(outcome, err)
				}
				for name, c := range w.containers {
					if c.ImageID != newImage {
						t.Errorf("%s of the old version is still there: running %t", name, c.Running)
					}
				}
				if got := len(w.serving("api")); got != replicas {
					t.Errorf("%d containers serve, %d wanted\n%s", got, replicas, plan.Text())
				}
				if slices.Contains([]string{StrategyQuick, StrategyBlueGreen}, strategy) {
					s.killEverywhere(t)
				}
			})
		}
	}
}

// With quick nothing of the old version runs when the new one starts, and none
// comes back beside it after a loss of power.
func TestQuickStopsSurplusFirst(t *testing.T) {
	s := fewer(StrategyQuick, 1)
	_, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	stopped, kept := map[string]bool{}, map[string]bool{}
	for _, step := range flat(plan.Steps()) {
		switch step := step.(type) {
		case *StopStep:
			stopped[step.Name] = true
		case *KeepStep:
			for _, name := range step.Instead {
				kept[name] = true
			}
		case *StartStep:
			for _, c := range s.running {
				if c.Service == step.Service && !stopped[c.Name] {
					t.Errorf("%s starts while %s runs", step.Name, c.Name)
				}
			}
		}
	}
	for _, c := range s.running {
		if !kept[c.Name] {
			t.Errorf("%s would come back with the host beside the new version", c.Name)
		}
	}
}

// flat lists steps with the parts of parallel ones in their place.
func flat(steps []Step) []Step {
	var list []Step
	for _, step := range steps {
		list = append(list, partsOf(step)...)
	}
	return list
}
