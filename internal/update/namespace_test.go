package update

import (
	"errors"
	"strings"
	"testing"

	"gapless/internal/project"
)

// A service in the network of another one loses it with the container that it
// belongs to, and docker compose alone makes both anew: nothing is begun. So it is
// with shared memory and processes.
func TestSharedNamespaces(t *testing.T) {
	for key, share := range map[string]func(*project.Service){
		"network_mode": func(s *project.Service) { s.NetworkMode = "service:api" },
		"ipc":          func(s *project.Service) { s.IPCMode = "service:api" },
		"pid":          func(s *project.Service) { s.PIDMode = "service:api" },
	} {
		t.Run(key, func(t *testing.T) { testShared(t, key, share) })
	}
}

func testShared(t *testing.T, key string, share func(*project.Service)) {
	inside := with(with(plain("exporter", project.RoleWorker), share), func(s *project.Service) { s.DependsOn = []string{"api"} })
	down := now("exporter", 1)
	down.Running = false
	for name, c := range map[string]struct {
		running []Container
		options Options
		refused bool
	}{
		"replaced under it":      {[]Container{up("api", 1), now("exporter", 1)}, Options{}, true},
		"both change":            {[]Container{up("api", 1), up("exporter", 1)}, Options{Strategy: StrategyQuick}, true},
		"restarted under it":     {[]Container{now("api", 1), now("exporter", 1)}, Options{Strategy: StrategyReload}, true},
		"only what is inside":    {[]Container{now("api", 1), up("exporter", 1)}, Options{}, false},
		"named what is inside":   {[]Container{up("api", 1), up("exporter", 1)}, Options{Named: []string{"exporter"}}, false},
		"nobody is inside now":   {[]Container{up("api", 1), down}, Options{}, false},
		"everything starts anew": {nil, Options{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := scenario{services: []project.Service{web("api"), inside}, running: c.running, release: &Release{Number: 7}, options: c.options}
			_, plan, err := s.build()
			var refused *RefusedError
			if errors.As(err, &refused) != c.refused || !c.refused && err != nil {
				t.Fatalf("%v\n%s", err, plan.Text())
			}
			if c.refused && (!strings.Contains(err.Error(), "exporter") || !strings.Contains(err.Error(), key+": service:api") || refused.Hint() == "") {
				t.Errorf("says %q, hint %q", err, refused.Hint())
			}
		})
	}
}
