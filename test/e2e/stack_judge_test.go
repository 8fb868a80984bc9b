//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// judgedMigration is what gapless migrations --json says of one.
type judgedMigration struct {
	Name       string `json:"name"`
	Class      string `json:"class"`
	Source     string `json:"source"`
	Lock       string `json:"lock"`
	Locks      []struct{ Table, Lock string }
	Rewrite    bool   `json:"rewrite"`
	Scan       bool   `json:"scan"`
	Reversible bool   `json:"reversible"`
	BreaksOld  *bool  `json:"breaks_old"`
	BreaksNew  *bool  `json:"breaks_new"`
	Why        string `json:"why"`

	Disagreements []string
}

// pairs are versions that follow judge-base, and what is to be found out about
// the migration that each of them brings.
var pairs = []struct {
	change    string
	class     string
	lock      string // on tours_tour or tours_journal; empty: none
	newBreaks bool   // the new code cannot do without it
	strategy  string
	says      string // in the plan
	waits     bool   // for gapless migrations contract
	mayNeed   bool   // whether the new code needs it, nothing tells
}{
	{change: "judge-nullable", class: "a", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "rolling", says: "expand only, strongest lock: ACCESS EXCLUSIVE on tours_tour, no rewrite"},
	{change: "judge-required", class: "b", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "quick", says: "tours_tour.price needs a value, which tours.Tour does not write"},
	{change: "judge-server-default", class: "a", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "rolling", says: "expand only"},
	{change: "judge-drop-used", class: "bd", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "quick", says: "tours_tour.note is not there, which tours.Tour reads"},
	{change: "judge-drop-nullable", class: "bd", lock: "ACCESS EXCLUSIVE", strategy: "rolling", says: "waits until no version before release", waits: true},
	{change: "judge-drop-unused", class: "d", lock: "ACCESS EXCLUSIVE", strategy: "rolling", says: "cannot be undone"},
	{change: "judge-rename", class: "b", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "quick", says: "tours_tour.region is not there, which tours.Tour reads"},
	{change: "judge-foreign-key", class: "a", lock: "SHARE ROW EXCLUSIVE", newBreaks: true, strategy: "rolling", says: "SHARE ROW EXCLUSIVE on tours_tour"},
	{change: "judge-index", class: "c", lock: "SHARE", strategy: "rolling", says: "writers wait meanwhile"},
	{change: "judge-index-concurrently", class: "a", lock: "SHARE UPDATE EXCLUSIVE", strategy: "rolling", says: "expand only"},
	{change: "judge-not-null", class: "bc", lock: "ACCESS EXCLUSIVE", mayNeed: true, strategy: "quick", says: "does not take NULL, which tours.Tour may write"},
	{change: "judge-type-rewrite", class: "c", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "rolling", says: "rewrites tours_tour (2000 rows"},
	{change: "judge-type-free", class: "a", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "rolling", says: "no rewrite"},
	{change: "judge-backfill", class: "c", lock: "ACCESS EXCLUSIVE", newBreaks: true, strategy: "rolling", says: "reads all of tours_tour (2000 rows"},
	{change: "judge-data", class: "unknown", strategy: "quick", says: "its code reads tours_tour (2000 rows"},
	{change: "judge-irreversible", class: "d", mayNeed: true, lock: "ROW EXCLUSIVE", strategy: "rolling", says: "has no way back"},
}

// said calls the program under test and keeps its two outputs apart.
func (s *server) said(arguments ...string) (code int, out, complaint string) {
	s.t.Helper()
	command := s.Command(s.t.Context(), gaplessPath, arguments...)
	var first, second bytes.Buffer
	command.Stdout, command.Stderr = &first, &second
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%v: %v", arguments, err)
	}
	return command.ProcessState.ExitCode(), first.String(), second.String()
}

// judgeServer deploys what all pairs begin with, with rows.
func judgeServer(t *testing.T) *server {
	t.Helper()
	s := newServerWithEdge(t, "judge-base")
	if _, err := s.Query(t.Context(), `INSERT INTO tours_tour (name, note, request, created, region, size)
		SELECT 'tour', '', 'seed-' || n, now(), 'north', n FROM generate_series(1, 2000) n`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Query(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	return s
}

// leftovers lists what trials left of the project.
func (s *server) leftovers() string {
	s.t.Helper()
	label := "label=gapless.trial=" + s.Project
	var found []string
	for _, list := range [][]string{{"ps", "--all", "--format", "{{.Names}}", "--filter", label}, {"network", "ls", "--format", "{{.Name}}", "--filter", label}} {
		out, err := s.Command(s.t.Context(), "docker", list...).Output()
		if err != nil {
			s.t.Fatal(err)
		}
		found = append(found, strings.Fields(string(out))...)
	}
	return strings.Join(found, " ")
}

// killInTrial interrupts and kills the program in the middle of a trial. The first
// leaves nothing, and what is left of the other one is removed by the next.
func (s *server) killInTrial(change string) {
	s.t.Helper()
	s.apply(change)
	end := func(with os.Signal) *os.ProcessState {
		command := s.Command(s.t.Context(), gaplessPath, "migrations")
		if err := command.Start(); err != nil {
			s.t.Fatal(err)
		}
		waitFor(s.t, func() bool { return strings.Contains(s.leftovers(), "-shadow-") })
		if err := command.Process.Signal(with); err != nil {
			s.t.Fatal(err)
		}
		_ = command.Wait()
		return command.ProcessState
	}
	if state := end(os.Interrupt); state.ExitCode() != 130 || s.leftovers() != "" {
		s.t.Errorf("interrupted: %v; left are %s", state, s.leftovers())
	}
	end(os.Kill)
	if s.leftovers() == "" {
		s.t.Error("the trial left nothing, so that the next one has nothing to remove")
	}
	if err := s.Revert(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// judgesEntrypoint asks an image that migrates whenever a container starts, on top
// of what judgesForJob brought in. The real database must not notice.
func (s *server) judgesEntrypoint() {
	s.t.Helper()
	s.apply("setup-entrypoint")
	code, plan, complaint := s.said("plan")
	for _, text := range []string{"  quick  because", "its image migrates whenever a container of it starts", "tours_tour.region is not there, which tours.Tour reads"} {
		if code != 0 || !strings.Contains(plan, text) {
			s.t.Errorf("exit code %d, or %q is not said:\n%s%s", code, text, plan, complaint)
		}
	}
}

// judgesForJob lets a job of the compose file migrate: it keeps its place, and the
// strategy follows from what its migration does.
func (s *server) judgesForJob() {
	s.t.Helper()
	s.apply("setup-job", "judge-rename")
	code, plan, complaint := s.said("plan")
	for _, text := range []string{"  quick  because", "tours_tour.region is not there, which tours.Tour reads", "tours/0003_country, by migrate:", "-migrate-1"} {
		if code != 0 || !strings.Contains(plan, text) {
			s.t.Errorf("exit code %d, or %q is not said:\n%s%s", code, text, plan, complaint)
		}
	}
	if strings.Contains(plan, "manage.py migrate --noinput, at most") {
		s.t.Errorf("it migrates twice:\n%s", plan)
	}
}

// judgesWithoutTrace judges by the statements alone.
func (s *server) judgesWithoutTrace(t *testing.T) {
	t.Helper()
	code, out, _ := s.said("migrations", "--no-trace")
	if code != 13 || !strings.Contains(out, "by their statements alone: --no-trace") || !strings.Contains(out, "  b ") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// TestStackJudgedLive brings in each pair under traffic: no request fails, and
// neither the code nor the database notes an error, whatever was planned.
func TestStackJudgedLive(t *testing.T) {
	onlyLong(t)
	for _, pair := range pairs {
		t.Run(pair.change, func(t *testing.T) {
			s := judgeServer(t)
			traffic := s.traffic()
			var noted bytes.Buffer
			follow := s.Command(t.Context(), "docker", "compose", "logs", "--follow", "--tail", "0", "--no-color", "api", "celery", "celery-beat", "db")
			follow.Stdout, follow.Stderr = &noted, &noted
			if err := follow.Start(); err != nil {
				t.Fatal(err)
			}
			s.apply(pair.change)
			r := s.gapless("update", "--yes", "--progress", "plain")
			if pair.waits {
				s.contract()
			}
			report := traffic.Stop()
			_ = follow.Process.Kill()
			_ = follow.Wait()
			if r.code != 0 || !strings.Contains(r.output, ", "+pair.strategy) {
				t.Errorf("exit code %d, or not %s\n%s", r.code, pair.strategy, r.output)
			}
			s.clean(report)
			if report.Served() != pair.change {
				t.Errorf("%s serves", report.Served())
			}
			for line := range strings.Lines(noted.String()) {
				if strings.Contains(line, "ERROR:") || strings.Contains(line, "Traceback") || strings.Contains(line, "django.db.utils") {
					t.Errorf("somebody met the other version: %s", line)
				}
			}
			t.Log(r.output)
		})
	}
}

// TestStackJudge lets the migrations of the pairs be judged against one deployment,
// and looks at the verdict and at the strategy that follows. A short run takes every
// second pair.
func TestStackJudge(t *testing.T) {
	s := judgeServer(t)
	before := s.containersOf([]string{"nginx", "api", "celery", "celery-beat", "db", "redis"})
	s.killInTrial(pairs[0].change)
	for i, pair := range pairs {
		if i%2 == 1 && !long() {
			continue
		}
		t.Run(pair.change, func(t *testing.T) {
			s.t = t
			s.apply(pair.change)
			defer func() {
				if err := s.Revert(s.t.Context()); err != nil {
					t.Error(err)
				}
			}()
			begin := time.Now()
			code, out, complaint := s.said("migrations", "--json")
			t.Logf("judged in %s", time.Since(begin).Round(100*time.Millisecond))
			var found struct{ Migrations []judgedMigration }
			if err := json.Unmarshal([]byte(out), &found); err != nil {
				t.Fatalf("%v\n%s%s", err, out, complaint)
			}
			if len(found.Migrations) != 1 {
				t.Fatalf("not one migration:\n%s%s", out, complaint)
			}
			m := found.Migrations[0]
			if m.Class != pair.class || m.Source != "trace" || (code == 0) != (pair.class == "a") {
				t.Errorf("class %s by %s, exit code %d; want %s by trace", m.Class, m.Source, code, pair.class)
			}
			if pair.class != "unknown" && (pair.mayNeed != (m.BreaksNew == nil) || !pair.mayNeed && *m.BreaksNew != pair.newBreaks || *m.BreaksOld != strings.Contains(pair.class, "b") || m.Lock != pair.lock) {
				t.Errorf("not as expected")
			}
			if len(m.Disagreements) > 0 {
				t.Errorf("the statements were judged otherwise: %v", m.Disagreements)
			}
			_, plan, again := s.said("plan")
			if !strings.Contains(plan, "  "+pair.strategy+"  because") || !strings.Contains(plan, pair.says) {
				t.Errorf("the plan is not %s, or does not say %q:\n%s%s", pair.strategy, pair.says, plan, again)
			}
			switch pair.change {
			case "judge-rename":
				s.judgesWithoutTrace(t)
			case "judge-drop-nullable":
				_, text, _ := s.said("migrations")
				if t.Log(text); !strings.Contains(text, "the new version can do without it for now") || !strings.Contains(text, "for an earlier command") {
					t.Errorf("not said in words:\n%s", text)
				}
			}
			if strings.Contains(again, "in a shadow of") {
				t.Errorf("the verdict was found out twice:\n%s", again)
			}
			if t.Failed() {
				t.Log(out, complaint)
			}
		})
	}
	s.t = t
	s.judgesForJob()
	s.judgesEntrypoint()
	if left := s.leftovers(); left != "" {
		t.Errorf("trials left %s", left)
	}
	if after := s.containersOf([]string{"nginx", "api", "celery", "celery-beat", "db", "redis"}); after != before {
		t.Errorf("containers were replaced:\n%s\n%s", before, after)
	}
	rows, err := s.Query(t.Context(), "SELECT count(*) FROM django_migrations WHERE name LIKE '0003%'")
	if err != nil || !slices.Equal(rows[0], []string{"0"}) {
		t.Errorf("the real database was migrated: %v %v", rows, err)
	}
}
