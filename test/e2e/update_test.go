//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gapless/test/load"
)

// TestManyUpdates moves the example to and fro under mixed load with a transfer
// of 100 MB each way, a WebSocket and an event stream: no request fails, no job
// is lost or done twice, and there are never two schedulers.
func TestManyUpdates(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	s.update("v1", 0)
	traffic := s.traffic(func(c *load.Config) {
		c.RatePerSecond, c.MaxOpen = 300, 3000
		c.Streams, c.TransferBytes, c.TransferSpread, c.TransferAfter = true, 100_000_000, 8*time.Second, 2*time.Second
	})
	updates := 6
	if long() {
		updates = 20
	}
	for i := range updates {
		version := []string{"v2", "v1"}[i%2]
		run := func() result { return s.update(version, 0) }
		if i == 0 {
			run = func() result { return s.updateWatched(version, traffic) }
		}
		r := run()
		if !strings.Contains(r.output, "0 failed") {
			t.Errorf("update %d: the receipt does not say 0 failed:\n%s", i+1, r.output)
		}
		s.expect(version)
	}
	report := traffic.Stop()
	s.clean(report)
	journal := report.Journal
	if journal == nil || journal.Ticks == 0 || journal.Jobs == 0 {
		t.Fatalf("the journal proves nothing: %+v", journal)
	}
	t.Logf("%d jobs, %d ticks, longest time without one %.0f ms", journal.Jobs, journal.Ticks, journal.LongestTickGapMS)
}

// TestNothingChanged touches nothing.
func TestNothingChanged(t *testing.T) {
	s := newShop(t)
	s.update("v1", 0)
	before := strings.Join(s.containers(), "\n")
	r := s.update("v1", 0)
	if !strings.Contains(r.output, "nothing to do") {
		t.Errorf("output: %s", r.output)
	}
	if after := strings.Join(s.containers(), "\n"); after != before {
		t.Errorf("containers changed:\n%s\n%s", before, after)
	}
}

// badVersion is one that must be taken back, for a reason.
type badVersion struct{ version, fault, reason string }

// TestBadVersions takes back what does not work, with the reason on screen and in one
// message.
// Those that are given up only at their deadline have a deployment of their own.
func TestBadVersions(t *testing.T) {
	for name, versions := range map[string][]badVersion{
		"at their deadline": {
			{"b1", "api:never-healthy", "not healthy within"},
			{"b3", "api:answer-500", "500"},
		},
		"when they end": {
			{"b2", "api:crash-after=1s", "exited"},
			{"b4", "api:exit-at-once", "exited"},
			{"b5", "worker:exit-at-once", "exited"},
			{"b6", "scheduler:exit-at-once", "exited"},
			{"b7", "migrate:exit-at-once", "ended with code"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			messages := s.tells()
			s.update("v1", 0)
			messages.once(t, "committed", "")
			for _, bad := range versions {
				s.takesBack(bad)
				messages.once(t, "rolled_back", bad.reason)
			}
		})
	}
}

// takesBack tries a bad version under traffic: nobody notices it.
func (s *shop) takesBack(bad badVersion) {
	s.t.Run(bad.fault, func(t *testing.T) {
		outer := s.t
		defer func() { s.t = outer }()
		s.t = t
		build(t, bad.version, bad.fault)
		traffic := s.traffic(nil)
		s.env = []string{impatient}
		r := s.update(bad.version, 10)
		s.env = nil
		s.clean(traffic.Stop())
		if !strings.Contains(r.output, bad.reason) {
			t.Errorf("the reason %q is not said:\n%s", bad.reason, r.output)
		}
		s.expect("v1")
	})
}

// TestMissingImage touches nothing.
func TestMissingImage(t *testing.T) {
	s := newShop(t)
	s.update("v1", 0)
	before := strings.Join(s.containers(), "\n")
	s.update("v-missing", 1)
	if after := strings.Join(s.containers(), "\n"); after != before {
		t.Errorf("containers changed:\n%s\n%s", before, after)
	}
	s.expect("v1")
}

// TestComposeAgrees lets the real docker compose look at the result: it must
// find everything up to date and know the new containers.
func TestComposeAgrees(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	s.update("v1", 0)
	s.update("v2", 0)
	before := s.ids()
	s.compose("v2", "up", "--detach")
	if after := s.ids(); after != before {
		t.Errorf("docker compose up recreated containers:\n%s\n%s", before, after)
	}
	if output := s.compose("v2", "ps"); !strings.Contains(output, "-api-2") {
		t.Errorf("docker compose ps does not show the new container:\n%s", output)
	}
	if output := s.compose("v2", "logs", "api"); output == "" {
		t.Error("docker compose logs shows nothing")
	}
	s.compose("v2", "exec", "-T", "api", "/shop", "health")
}

// ids lists the running containers with their identity, jobs left out: docker
// compose runs those again by itself.
func (s *shop) ids() string {
	s.t.Helper()
	output, err := exec.Command("docker", "ps", "--no-trunc", "--filter", "label=com.docker.compose.project="+s.project,
		"--format", "{{.ID}} {{.Names}}").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(output)
}

// compose calls the real docker compose.
func (s *shop) compose(version string, arguments ...string) string {
	s.t.Helper()
	command := exec.Command("docker", append([]string{"compose"}, arguments...)...)
	command.Env = append(os.Environ(), s.environment(version)...)
	output, err := command.CombinedOutput()
	if err != nil {
		s.t.Fatalf("docker compose %v: %v\n%s", arguments, err, output)
	}
	return string(output)
}

// TestRollback brings back earlier releases whose containers are gone, one
// further back each time.
func TestRollback(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	for _, version := range []string{"v1", "v2", "v1"} {
		s.update(version, 0)
	}
	traffic := s.traffic(nil)
	for _, version := range []string{"v2", "v1"} {
		if r := s.run("v1", "rollback", "--yes"); r.code != 0 {
			t.Fatalf("exit code %d\n%s", r.code, r.output)
		}
		s.expect(version)
	}
	s.clean(traffic.Stop())
	if r := s.run("v1", "rollback", "--yes"); r.code != 13 || !strings.Contains(r.output, "release 1 is the first one") {
		t.Errorf("exit code %d\n%s", r.code, r.output)
	}
}

// TestPortOfAStranger refuses a port that another process has, before anything
// is touched.
func TestPortOfAStranger(t *testing.T) {
	s := newShop(t)
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r := s.run("v1", "update", "--yes")
	if r.code != 13 || !strings.Contains(r.output, fmt.Sprintf("port %d is taken", s.port)) {
		t.Errorf("exit code %d\n%s", r.code, r.output)
	}
	if all := s.containers(); len(all) != 0 {
		t.Errorf("containers were made: %v", all)
	}
}
