//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"gapless/test/load"
)

// TestStackEveryChange brings in one kind of change after the other, under
// traffic: what auto picks is what fits the change, and nothing is lost.
func TestStackEveryChange(t *testing.T) {
	s := newServerWithEdge(t)
	s.everyChange(t, s.clean)
}

// TestStackEveryChangeFront is the same with nginx behind the port of the edge.
func TestStackEveryChangeFront(t *testing.T) {
	onlyLong(t)
	s := newServerFor(t, "setup-front")
	s.everyChange(t, s.clean)
}

// TestStackEveryChangeNative is the same with no edge, begun by its two commands.
// A reload of nginx closes idle connections, and a client that writes to one at
// that moment loses a request; behind the requests nothing is lost.
func TestStackEveryChangeNative(t *testing.T) {
	onlyLong(t)
	s := newServer(t)
	s.apply("setup-native")
	s.beginNative()
	s.everyChange(t, s.nearlyClean)
}

func (s *server) everyChange(t *testing.T, judge func(load.Report)) {
	for _, c := range []struct {
		change   string
		flags    []string
		strategy string
		says     []string // in the output
		never    []string
		keeps    []string // services whose containers stay
	}{
		{"code", nil, "rolling", []string{"code changed"}, []string{"migrate"}, []string{"nginx", "db", "redis"}},
		{"migration-compatible", []string{"--migrations", "compatible"}, "rolling", []string{"1 new migration", "migrate api"}, nil, []string{"nginx", "db", "redis"}},
		{"dependency", nil, "rolling", []string{"dependencies changed", "build api", "into /app/staticfiles by rename"}, []string{"collected in place"}, []string{"nginx", "db", "redis"}},
		{"settings", nil, "rolling", []string{"TOURS_PER_PAGE"}, []string{"build api"}, []string{"nginx", "db", "redis"}},
		{"static", nil, "static", []string{"static files", "into /app/staticfiles by rename"}, []string{"collected in place"}, []string{"nginx", "api", "celery", "celery-beat", "db", "redis"}},
	} {
		t.Run(c.change, func(t *testing.T) {
			s.t = t
			before := s.containersOf(c.keeps)
			traffic := s.traffic()
			s.apply(c.change)
			r := s.gapless(append([]string{"update", "--yes", "--progress", "plain"}, c.flags...)...)
			report := traffic.Stop()
			if r.code != 0 {
				t.Fatalf("exit code %d\n%s", r.code, r.output)
			}
			judge(report)
			r.says(t, append([]string{", " + c.strategy}, c.says...)...)
			for _, text := range c.never {
				if strings.Contains(r.output, text) {
					t.Errorf("%q is said", text)
				}
			}
			if after := s.containersOf(c.keeps); after != before {
				t.Errorf("containers that the change has nothing to do with were replaced:\n%s\n%s", before, after)
			}
			if t.Failed() {
				t.Log(r.output)
			}
		})
	}
	s.t = t
}

// containersOf lists the running containers of services, with their identity.
func (s *server) containersOf(services []string) string {
	s.t.Helper()
	output, err := s.Compose(s.t.Context(), append([]string{"ps", "--no-trunc", "--quiet"}, services...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return output
}

// TestStackBreakingMigration brings in a migration that the running code does
// not survive, of which nobody said so: old and new never run together, and
// requests wait meanwhile.
func TestStackBreakingMigration(t *testing.T) {
	s := newServerWithEdge(t, "setup-patient")
	traffic := s.traffic()
	s.apply("migration-breaking")
	s.edit("health: /health/}}", "health: /health/}, hold: {limit: 5m}, gate: {deadline: 5m}}")
	r := s.update(0)
	s.clean(traffic.Stop())
	r.says(t, ", quick", "1 new migration", "hold api", "0 failed")
	back := s.gapless("rollback", "--dry-run")
	if !strings.Contains(back.output, "tours/0002_title") {
		t.Errorf("a rollback does not say which migration it crosses:\n%s", back.output)
	}
}

// TestStackPlain updates the stack as it is, without a line of configuration:
// nginx finds the new container because it looks names up again. Without the
// edge a few requests are lost in the moment in which the old one stops, and
// the log has the figure; the ways of the guide lose hundreds.
func TestStackPlain(t *testing.T) {
	onlyLong(t)
	s := newServer(t)
	s.update(0)
	traffic := s.traffic()
	s.apply("code")
	r := s.update(0)
	report := traffic.Stop()
	if report.Served() != "code" {
		t.Errorf("%s serves, not the new code\n%s", report.Served(), r.output)
	}
	account, text := s.account(report, 2*time.Minute)
	if report.Failed*100 > report.Requests || !account.Clean() {
		t.Errorf("more than one request in a hundred was lost, or work behind them:\n%s", text)
	}
	t.Log(text)
}

// onlyLong leaves a test to make test-long: it needs a machine that has nothing
// else to do.
func onlyLong(t *testing.T) {
	t.Helper()
	if !long() {
		t.Skip("only make test-long runs this")
	}
}
