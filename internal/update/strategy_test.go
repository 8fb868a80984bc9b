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
// before is given up early; beside the old one it has all its time.
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
		plan, err := Make(state, p, changes, Options{Strategy: c.strategy})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range plan.Steps() {
			if gate, is := step.(*GateStep); is && gate.Spec.Deadline != c.want {
				t.Errorf("%+v: deadline %s", c, gate.Spec.Deadline)
			}
		}
	}
}
