//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gapless/test/stack"
)

// TestStackTasks updates the code while 200 tasks of three seconds are queued:
// none is lost or begun twice, and celery beat never runs twice.
func TestStackTasks(t *testing.T) {
	onlyLong(t)
	s := newServerWithEdge(t)
	traffic := s.traffic()
	const tasks, each = 200, 3 * time.Second
	if err := s.QueueTasks(t.Context(), "queued", tasks, each); err != nil {
		t.Fatal(err)
	}
	s.apply("code")
	s.update(0)
	// One worker at least goes on with them.
	s.cleanWithin(traffic.Stop(), tasks*each+2*time.Minute)
}

// TestStackSlowBoot brings in a breaking migration with a new version that boots
// for five seconds: requests wait, and none fails.
func TestStackSlowBoot(t *testing.T) {
	onlyLong(t)
	s := newServerWithEdge(t)
	traffic := s.traffic()
	s.set("BOOT_SECONDS=5")
	s.apply("migration-breaking", "slow-boot")
	r := s.update(0)
	s.clean(traffic.Stop())
	r.says(t, ", quick", "0 failed", " held (longest ")
	t.Log(r.output)
}

// TestStackBootBeyondHold boots for longer than requests are held: they get the
// page with Retry-After, the receipt has the window, and nothing else fails.
func TestStackBootBeyondHold(t *testing.T) {
	onlyLong(t)
	s := newServerWithEdge(t)
	traffic := s.traffic()
	s.set("BOOT_SECONDS=90")
	s.apply("migration-breaking", "slow-boot")
	s.edit("health: /health/}}", "health: /health/}, gate: {deadline: 3m}}")
	r := s.update(0)
	report := traffic.Stop()
	for _, cause := range report.Causes {
		if cause.Name != "status 503" {
			t.Errorf("%d requests: %s: %+v", cause.Count, cause.Name, cause.Samples)
		}
	}
	account, err := s.Account(t.Context(), report, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !account.Clean() || len(account.UnseenPosts) > 0 {
		t.Errorf("something was lost or doubled, or done for a client that got the page: %+v", account)
	}
	if report.Failed == 0 {
		t.Error("nobody got the page")
	}
	r.says(t, ", quick", " 0 failed", "requests got the maintenance page, which was up for ")
	t.Logf("clients: %d of %d got the page\n%s", report.Failed, report.Requests, r.output)
}

// set changes settings of the server.
func (s *server) set(settings ...string) {
	s.t.Helper()
	if err := s.Set(s.t.Context(), settings...); err != nil {
		s.t.Fatal(err)
	}
}

// edit changes a text in the compose file of the server.
func (s *server) edit(old, text string) {
	s.t.Helper()
	path := filepath.Join(s.Directory, stack.ComposeFile)
	content, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.Count(string(content), old) != 1 {
		s.t.Fatalf("%q is not once in %s", old, path)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(content), old, text, 1)), 0o644); err != nil {
		s.t.Fatal(err)
	}
}
