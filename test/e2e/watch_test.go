//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gapless/test/load"
)

// watchedRun is what the tests read of a past update.
type watchedRun struct {
	Result  string `json:"result"`
	Why     string `json:"why"`
	Receipt struct {
		Watch *struct {
			Verdict       string   `json:"verdict"`
			Reason        string   `json:"reason"`
			WatchedMillis int64    `json:"watched_ms"`
			Findings      []string `json:"findings"`
		} `json:"watch"`
	} `json:"receipt"`
}

// lastRun is the newest update of the history.
func (s *shop) lastRun(version string) watchedRun {
	s.t.Helper()
	command := s.command(version, "history", "--json")
	output, err := command.Output()
	var runs []watchedRun
	if err != nil || json.Unmarshal(output, &runs) != nil || len(runs) == 0 {
		s.t.Fatalf("history: %v\n%s", err, output)
	}
	return runs[0]
}

// TestWatch brings in versions that pass their gates, each under traffic: what is
// worse than the version before goes back with the reason, what is as good stays.
func TestWatch(t *testing.T) {
	for _, c := range []struct {
		name, before, fault string
		code                int
		verdict, reason     string
	}{
		{"errors", "", "errors=3", 10, "worse", "requests to api failed"},
		{"slow", "slower=60ms", "slower=300ms", 10, "worse", "api is slower"},
		{"crash", "", "worker:crash-after=15s", 10, "worse", "worker"},
		{"good", "", "", 0, "good", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t)
			known := 500 // requests that the new version is compared with
			if c.name == "slow" {
				known = 1000 // not too many of them our own
			} else {
				s.noLatency()
			}
			before, after := "w-"+c.name+"-1", "w-"+c.name+"-2"
			build(t, before, c.before)
			build(t, after, c.fault)
			s.update(before, 0)
			traffic := s.traffic(slowly)
			waitFor(t, func() bool { return len(traffic.Samples()) >= known })
			atMost := "60s"
			if c.code == 0 {
				atMost = "20s"
			}
			r := s.run(after, "update", "--yes", "--watch", atMost)
			if r.code != c.code {
				t.Fatalf("exit code %d, want %d\n%s", r.code, c.code, r.output)
			}
			s.judged(c.verdict, c.reason, before)
			s.ownFailures(traffic.Stop(), after, c.name == "errors")
			s.expect(map[bool]string{true: after, false: before}[c.code == 0])
		})
	}
}

// noLatency leaves latency out of the verdict: a busy machine makes any version slow.
func (s *shop) noLatency() {
	s.t.Helper()
	s.edit("compose.yaml", "\n  edge: {http", "\n  watch: {max_p95_ratio: 1000}\n  edge: {http")
}

// judged fails the test unless the last update has the verdict, and says the reason
// wherever it is asked for.
func (s *shop) judged(verdict, reason, version string) {
	s.t.Helper()
	run := s.lastRun(version)
	watch := run.Receipt.Watch
	switch {
	case watch == nil || watch.Verdict != verdict:
		s.t.Errorf("verdict %+v, want %s", watch, verdict)
	case verdict == "worse" && run.Result != "rolled_back":
		s.t.Errorf("the update ended %s", run.Result)
	case !strings.Contains(watch.Reason, reason) || !strings.Contains(run.Why, reason):
		s.t.Errorf("%q is not the reason: %q, in the journal %q", reason, watch.Reason, run.Why)
	}
	s.t.Logf("%+v", watch)
}

// ownFailures fails the test if requests failed but by answers of the new version
// that it is made to give.
func (s *shop) ownFailures(report load.Report, version string, expected bool) {
	s.t.Helper()
	own := 0
	for _, sample := range report.Samples() {
		switch {
		case !sample.Failed():
		case expected && sample.Version == version && sample.Status == 500:
			own++
		default:
			s.t.Errorf("%s failed: %s (%s of version %q)", sample.ID, sample.Error, sample.Cause, sample.Version)
		}
	}
	if expected == (own == 0) {
		s.t.Errorf("%d answers of the new version failed", own)
	}
	var text bytes.Buffer
	report.Print(&text)
	s.t.Log(text.String())
}

// notesOfWatch counts how often the journal learnt how far the watch is.
func (s *shop) notesOfWatch() int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.state, "projects", s.project, "journal.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	notes := 0
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(`"name":"watch"`)) && !bytes.Contains(line, []byte(`"plan":`)) { // which has a phase of that name
			notes++
		}
	}
	return notes
}

// TestWatchOutlivesItsProcess kills an update that watches its new version. Another
// process goes on for the time that is left, and takes back what got worse.
func TestWatchOutlivesItsProcess(t *testing.T) {
	for name, c := range map[string]struct {
		fault string
		code  int
	}{"good": {"", 0}, "bad": {"errors=10", 10}} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.noLatency()
			version := "outlives-" + name
			build(t, version, c.fault)
			s.update("v1", 0)
			traffic := s.traffic(slowly)
			waitFor(t, func() bool { return len(traffic.Samples()) >= 500 })
			updating := s.command(version, "update", "--yes", "--watch", "40s")
			said := &spoken{}
			updating.Stdout, updating.Stderr = said, said
			if err := updating.Start(); err != nil {
				t.Fatal(err)
			}
			// The journal knows every ten seconds how far it is; a bad version is
			// killed before it is found out.
			notes := map[string]int{"good": 2, "bad": 1}[name]
			waitFor(t, func() bool { return s.notesOfWatch() >= notes })
			_ = updating.Process.Kill()
			_ = updating.Wait()
			begin := time.Now()
			r := s.run("v1", "resume")
			took := time.Since(begin)
			if r.code != c.code {
				t.Fatalf("resume: exit code %d, want %d\n%s\n%s", r.code, c.code, said, r.output)
			}
			watch := s.lastRun("v1").Receipt.Watch
			if name == "good" && (watch == nil || watch.WatchedMillis < 40_000 || took > 38*time.Second) {
				t.Errorf("resume took %s, watched %+v", took, watch)
			}
			if name == "bad" {
				s.judged("worse", "requests to api failed", "v1")
			}
			s.ownFailures(traffic.Stop(), version, name == "bad")
			s.expect(map[string]string{"good": version, "bad": "v1"}[name])
		})
	}
}
