//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestStrategies moves the example to and fro by each strategy under mixed
// load, back by the way of the user, and takes a bad version back.
func TestStrategies(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	build(t, "bad", "api:answer-500")
	s.update("v1", 0)
	for _, strategy := range []string{"quick", "reload", "blue-green"} {
		t.Run(strategy, func(t *testing.T) {
			s.t = t
			traffic := s.traffic(slowly)
			s.by("v2", 0, strategy)
			s.expect("v2")
			s.env = []string{impatient}
			s.by("bad", 10, strategy)
			s.env = nil
			s.expect("v2")
			if r := s.run("v1", "rollback", "--yes", "--progress", "plain"); r.code != 0 {
				t.Errorf("rollback: exit code %d\n%s", r.code, r.output)
			}
			s.expect("v1")
			s.clean(traffic.Stop())
		})
	}
	s.t = t
}

// TestRestartInPlace restarts what did not change, and nothing is lost.
func TestRestartInPlace(t *testing.T) {
	s := newShop(t)
	s.update("v1", 0)
	before := s.ids()
	traffic := s.traffic(slowly)
	s.by("v1", 0, "reload")
	s.clean(traffic.Stop())
	if after := s.ids(); after != before {
		t.Errorf("containers were replaced:\n%s\n%s", before, after)
	}
}

// by updates to a version by a strategy.
func (s *shop) by(version string, wantCode int, strategy string) {
	s.t.Helper()
	r := s.run(version, "update", "--yes", "--progress", "plain", "--strategy", strategy, "--watch", "2s")
	if r.code != wantCode {
		s.t.Fatalf("%s to %s: exit code %d, want %d\n%s", strategy, version, r.code, wantCode, r.output)
	}
	if wantCode == 0 && !strings.Contains(r.output, strategy) {
		s.t.Errorf("the strategy %s is not said:\n%s", strategy, r.output)
	}
}
