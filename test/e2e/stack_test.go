//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gapless/test/load"
	"gapless/test/stack"
)

// server is the stack of the audience, on a server of its own.
type server struct {
	*stack.Stack
	t *testing.T
}

// newServer deploys the stack as its developers do, with nothing of Gapless.
func newServer(t *testing.T, changes ...string) *server {
	t.Helper()
	t.Parallel()
	deployed, err := stack.New(t.Context(), changes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := deployed.Remove(); err != nil {
			t.Error(err)
		}
	})
	begin := time.Now()
	if err := deployed.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("the stack was up after %s", time.Since(begin).Round(100*time.Millisecond))
	return &server{Stack: deployed, t: t}
}

// newServerWithEdge deploys the stack and lets its nginx pass requests on to the
// socket of the edge.
func newServerWithEdge(t *testing.T, changes ...string) *server {
	t.Helper()
	return newServerFor(t, "setup-socket", changes...)
}

// newServerFor deploys the stack and sets it up for Gapless.
func newServerFor(t *testing.T, setup string, changes ...string) *server {
	t.Helper()
	s := newServer(t, changes...)
	s.apply(setup)
	s.update(0)
	return s
}

// apply brings in what the developers did.
func (s *server) apply(changes ...string) {
	s.t.Helper()
	for _, change := range changes {
		if err := s.Apply(s.t.Context(), change); err != nil {
			s.t.Fatal(err)
		}
	}
}

// gapless calls the program under test in the checkout.
func (s *server) gapless(arguments ...string) result {
	s.t.Helper()
	return resultOf(s.t, s.Command(s.t.Context(), gaplessPath, arguments...))
}

// update fails the test unless the exit code is the wanted one.
func (s *server) update(wantCode int) result {
	s.t.Helper()
	r := s.gapless("update", "--yes")
	if r.code != wantCode {
		s.t.Fatalf("update: exit code %d, want %d\n%s", r.code, wantCode, r.output)
	}
	return r
}

// traffic starts the load of the tests, and returns once it was answered for a
// while. GAPLESS_STACK_RATE asks for another rate than the usual one.
func (s *server) traffic() *load.Run {
	s.t.Helper()
	config := s.Traffic()
	if !long() {
		config.RatePerSecond = 50
	}
	if rate := os.Getenv("GAPLESS_STACK_RATE"); rate != "" {
		var err error
		if config.RatePerSecond, err = strconv.Atoi(rate); err != nil {
			s.t.Fatal("GAPLESS_STACK_RATE:", err)
		}
	}
	// Beyond what can wait, a slow machine fails for other reasons than an
	// update: the proxy of Docker ends for good when it may open no more files.
	config.Timeout, config.MaxOpen = patience, 200
	return bearableTraffic(s.t, config)
}

// clean fails the test unless every request was answered rightly, and nothing
// was lost or doubled behind them.
func (s *server) clean(report load.Report) {
	s.t.Helper()
	s.cleanWithin(report, 2*time.Minute)
}

// cleanWithin is clean for tasks that take so long in all.
func (s *server) cleanWithin(report load.Report, patience time.Duration) {
	s.t.Helper()
	account, text := s.account(report, patience)
	if !report.Clean() || !account.Clean() {
		s.t.Errorf("something was lost or doubled:\n%s", text)
	}
	if account.Posts == 0 || account.Ticks == 0 {
		s.t.Errorf("the account is empty: it proves nothing:\n%s", text)
	}
	s.t.Log(text)
}

// account is what the database knows of the requests, and the text of both.
func (s *server) account(report load.Report, patience time.Duration) (stack.Account, string) {
	s.t.Helper()
	account, err := s.Account(s.t.Context(), report, patience)
	if err != nil {
		s.t.Fatal(err)
	}
	var text bytes.Buffer
	report.Print(&text)
	account.Print(&text)
	return account, text.String()
}

// beginNative lets nginx pass the requests on by itself.
func (s *server) beginNative() {
	s.t.Helper()
	if r := s.gapless("update", "--yes", "nginx"); r.code != 0 {
		s.t.Fatalf("update nginx: exit code %d\n%s", r.code, r.output)
	}
	s.update(0)
}

// nearlyClean is clean but for requests on kept connections, of which nginx closes
// some when it reads its files again.
func (s *server) nearlyClean(report load.Report) {
	s.t.Helper()
	account, text := s.account(report, 2*time.Minute)
	for _, sample := range report.Samples() {
		if sample.Failed() && (!sample.Kept || strings.HasPrefix(sample.Cause, "status")) {
			s.t.Errorf("%s failed: %s", sample.ID, sample.Error)
		}
	}
	if report.Failed*1000 > report.Requests || !account.Clean() || account.Posts == 0 {
		s.t.Errorf("more than one request in a thousand was lost, or work behind them:\n%s", text)
	}
	s.t.Log(text)
}

// TestStackRoles finds out what everything is without a line of configuration.
func TestStackRoles(t *testing.T) {
	s, err := stack.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Remove() })
	bare := &server{Stack: s, t: t}
	for _, setup := range []string{"", "setup-socket"} {
		if setup != "" {
			bare.apply(setup)
		}
		r := bare.gapless("doctor")
		for _, role := range []string{"nginx: front", "api: web", "celery: worker", "celery-beat: scheduler", "db: stateful", "redis: stateful"} {
			if !strings.Contains(r.output, role+" (") {
				t.Errorf("%s: no %q in\n%s", setup, role, r.output)
			}
		}
	}
}

// TestStackUpdate takes over a stack that docker compose deployed, and updates
// its code under traffic and with tasks in hand.
func TestStackUpdate(t *testing.T) {
	s := newServerWithEdge(t)

	traffic := s.traffic()
	if err := s.QueueTasks(t.Context(), "during", 20, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	s.apply("code")
	r := s.update(0)
	report := traffic.Stop()
	s.clean(report)
	if report.Served() != "code" {
		t.Errorf("%s serves, not the new code\n%s", report.Served(), r.output)
	}
	r.says(t, "0 failed")
	t.Run("too few connections for second copies", s.refusesConnections)
}

// refusesConnections lets the real database allow few connections: second
// copies of all are refused with the figures that it gives, and auto replaces
// the API without one.
func (s *server) refusesConnections(t *testing.T) {
	s.t = t
	if _, err := s.Query(t.Context(), "ALTER SYSTEM SET max_connections = 10"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compose(t.Context(), "restart", "db"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { // each process of the API connects again when it is asked
		var asked sync.WaitGroup
		for range 12 {
			asked.Go(func() {
				if answer, err := http.Get(s.Address() + "/api/tours/"); err == nil {
					answer.Body.Close()
				}
			})
		}
		asked.Wait()
		rows, err := s.Query(t.Context(), "SELECT 1 FROM pg_stat_activity WHERE client_addr IS NOT NULL GROUP BY client_addr HAVING count(*) = 3")
		return err == nil && len(rows) > 0
	})
	s.apply("settings")
	for _, c := range []struct {
		arguments []string
		code      int
		says      []string
	}{
		{[]string{"plan", "--strategy", "blue-green"}, 13, []string{"the second copies need", "connections of db (", "api 3", "of 7 now", "3 stay in reserve"}},
		{[]string{"plan"}, 0, []string{"a second copy needs 3 connections of db, "}},
		{[]string{"plan", "--compare"}, 0, []string{"connections of db", "of 7, ", "blue-green is refused"}},
	} {
		r := s.gapless(c.arguments...)
		for _, text := range c.says {
			if r.code != c.code || !strings.Contains(r.output, text) {
				t.Errorf("%v: exit code %d; %q is not said:\n%s", c.arguments, r.code, text, r.output)
			}
		}
		t.Log(r.output)
	}
}
