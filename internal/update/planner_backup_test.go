package update

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gapless/internal/project"
)

// backed is the scenario in which a database is backed up.
func backed(t *testing.T) scenario {
	t.Helper()
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.backup != nil })
	return scenarios[i]
}

func phaseSteps(plan Plan, name string) (lines []Line) {
	for _, phase := range plan.Phases {
		for _, step := range phase.Steps {
			if phase.Name == name {
				lines = append(lines, step.Line())
			}
		}
	}
	return lines
}

// TestBackupOnlyBeforeMigrations: a backup costs time, and nothing else can
// need it.
func TestBackupOnlyBeforeMigrations(t *testing.T) {
	s := backed(t)
	for name, c := range map[string]struct {
		change func(*scenario)
		steps  int
		note   string
	}{
		"migrations are due":    {func(*scenario) {}, 2, ""},
		"none are due":          {func(s *scenario) { s.is = source("2", "1") }, 0, ""},
		"no backup is wanted":   {func(s *scenario) { s.options.NoBackup = true }, 0, "no backup is made before migration tours/0002_note: --no-backup"},
		"there can be none":     {func(s *scenario) { s.backup = &BackupTarget{Service: "db", No: "it does not run"} }, 0, "it does not run"},
		"nobody asked for one":  {func(s *scenario) { s.backup = &BackupTarget{Service: "db", No: "set it"} }, 0, "no backup is made before migration tours/0002_note: set it"},
		"no database is known":  {func(s *scenario) { s.backup = nil }, 0, ""},
		"back to a release":     {func(s *scenario) { s.options.BackTo = 6 }, 0, ""},
		"a job that migrates":   {func(s *scenario) { s.is = source("2", "1"); s.services = append(s.services, migratingJob("migrate")) }, 2, ""},
		"a job that does other": {func(s *scenario) { s.is = source("2", "1"); s.services = append(s.services, migratingJob("seed")) }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			s.services = slices.Clone(s.services)
			c.change(&s)
			_, plan := s.must(t)
			if got := phaseSteps(plan, PhaseBackup); len(got) != c.steps {
				t.Errorf("the backup has %d steps, want %d: %v", len(got), c.steps, got)
			}
			if !strings.Contains(plan.Text(), c.note) {
				t.Errorf("%q is not said:\n%s", c.note, plan.Text())
			}
		})
	}
}

// TestJobWithNothingDue: of a job that migrates for a service it is known what is
// due, and a backup before nothing costs time.
func TestJobWithNothingDue(t *testing.T) {
	for name, pending := range map[string]map[string][]string{"asked": {"api": nil}, "not asked": nil} {
		api := with(plain("api", project.RoleWeb), func(s *project.Service) { s.MigratedBy = "migrate" })
		p := newPlanner(State{Pending: pending}, &project.Project{Services: []project.Service{api, migratingJob("migrate")}}, nil, Options{})
		p.shift = []Step{&JobStep{Service: "migrate"}}
		if why := p.migrates(); (why == "") != (pending != nil) {
			t.Errorf("%s: %q", name, why)
		}
	}
}

func migratingJob(name string) project.Service {
	return with(plain(name, project.RoleJob), func(s *project.Service) { s.Restart, s.Command = "no", []string{"manage.py", name} })
}

// TestNoBackupNoMigration: an update whose backup fails has touched nothing.
func TestNoBackupNoMigration(t *testing.T) {
	for _, broken := range []string{"dump begins", "dump ends", "prove begins", "prove ends"} {
		w, plan := backed(t).must(t)
		before := w.summary()
		w.brokenCall = broken
		outcome, _, err := start(w, &plan)
		var failed *BackupError
		if err != nil || outcome.Result != ResultAborted || !errors.As(outcome.Cause, &failed) {
			t.Errorf("%s: %v, %s: %v", broken, err, outcome.Result, outcome.Cause)
		}
		if w.summary() != before || len(w.violations) > 0 {
			t.Errorf("%s: something was touched: %v\n%s", broken, w.violations, w.summary())
		}
	}
}

// TestUndoNamesTheBackup: who looks at a failed update finds the way back to the
// data.
func TestUndoNamesTheBackup(t *testing.T) {
	s := backed(t)
	s.bad = "api"
	w, plan := s.must(t)
	if outcome, _, err := start(w, &plan); err != nil || outcome.Result != ResultRolledBack {
		t.Fatal(err, outcome)
	}
	if !slices.Contains(w.notices, "the backup from before stays: gapless backup restore run1") {
		t.Errorf("notices: %q", w.notices)
	}
}

// TestBackupPlanStandsAlone: a backup by itself is a run that touches nothing.
func TestBackupPlanStandsAlone(t *testing.T) {
	plan := BackupPlan("shop", BackupTarget{Service: "db"})
	w := newWorld()
	outcome, _, err := start(w, &plan)
	if err != nil || outcome.Result != ResultCommitted || !w.backedUp {
		t.Fatal(err, outcome.Result, w.backedUp)
	}
	golden(t, "backup-alone", plan.Text())
}

// TestWantedBackupIsMadeOrRefused: nobody who asked for backups migrates without.
func TestWantedBackupIsMadeOrRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scenario)
		want   bool
	}{
		"migrations are due": {func(*scenario) {}, true},
		"none are due":       {func(s *scenario) { s.is = source("2", "1") }, false},
		"--no-backup":        {func(s *scenario) { s.options.NoBackup = true }, false},
	} {
		s := backed(t)
		s.backup = &BackupTarget{Service: "db", No: "it does not run", Wanted: true}
		c.change(&s)
		_, _, err := s.build()
		var refused *RefusedError
		if got := errors.As(err, &refused); got != c.want || !got && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoAdviceBehindABackup: nobody is told to do what the plan does.
func TestNoAdviceBehindABackup(t *testing.T) {
	advises := func(target *BackupTarget, options Options) bool {
		s := judgedScenario("irreversible", options, nil, dropsSize)
		s.backup = target
		_, plan := s.must(t)
		return strings.Contains(plan.Text(), "make a backup before")
	}
	if advises(&BackupTarget{Service: "db"}, Options{}) || !advises(&BackupTarget{Service: "db"}, Options{NoBackup: true}) || !advises(nil, Options{}) {
		t.Error("the advice stands beside a backup, or is missing without one")
	}
}
