package update

import (
	"errors"
	"strings"
	"testing"
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
