package update

import (
	"testing"
	"time"

	"gapless/internal/project"
)

// TestForecast compares the forecast of plans with what their steps say.
func TestForecast(t *testing.T) {
	times := map[string]time.Duration{StepKey("gate", "api"): 4 * time.Second, StepKey("stop", "api"): time.Second, StepKey("drain", "api"): 2 * time.Second}
	for _, c := range []struct {
		name    string
		service project.Service
		routed  bool
		times   map[string]time.Duration
		want    Forecast
		guessed int
	}{
		{"beside the old one", web("api"), true, times, Forecast{Duration: 7300 * time.Millisecond, ExtraBytes: 100 << 20}, 0},
		{"held", with(web("api"), func(s *project.Service) { s.ContainerName = "shop-api-1" }), true, times,
			Forecast{Duration: 7300 * time.Millisecond, Wait: 7300 * time.Millisecond}, 0},
		{"held for longer than requests may wait", with(web("api"), func(s *project.Service) { s.ContainerName, s.HoldLimit = "shop-api-1", 5*time.Second }), true, times,
			Forecast{Duration: 7300 * time.Millisecond, Wait: 5 * time.Second, Page: 2300 * time.Millisecond}, 0},
		{"a gap", with(plain("api", project.RoleWeb), func(s *project.Service) { s.HostPorts = []project.Port{{Host: 80, Container: 80}} }), false, times,
			Forecast{Duration: 5300 * time.Millisecond, Gap: 5300 * time.Millisecond}, 0},
		{"never measured", web("api"), true, nil, Forecast{Duration: 7300 * time.Millisecond, ExtraBytes: 100 << 20}, 3},
	} {
		s := scenario{services: []project.Service{c.service}, running: []Container{up("api", 1)}, release: &Release{Number: 1}}
		if c.routed {
			s.routed = []string{"api"}
		}
		_, plan, err := s.build()
		if err != nil {
			t.Fatal(err)
		}
		got := plan.Forecast(State{Containers: []Container{up("api", 1)}, StepTimes: c.times})
		if got.Duration != c.want.Duration || got.Wait != c.want.Wait || got.Gap != c.want.Gap || got.Page != c.want.Page || got.ExtraBytes != c.want.ExtraBytes {
			t.Errorf("%s: %+v\n%s", c.name, got, plan.Text())
		}
		if len(got.Guessed) != c.guessed {
			t.Errorf("%s: guessed %v", c.name, got.Guessed)
		}
	}
}
