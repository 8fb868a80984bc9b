package update

import (
	"errors"
	"slices"
	"testing"

	"gapless/internal/project"
)

// A version that comes back after a migration which it does not survive is not
// called whole: the end of the update says what stays.
func TestUndoSaysWhatStaysMigrated(t *testing.T) {
	for name, c := range map[string]struct {
		options        Options
		bad, failing   string
		said, breaking bool
		killed         bool
	}{
		"breaking":             {options: Options{Migrations: MigrationsBreaking}, bad: "api", said: true, breaking: true},
		"breaking, and killed": {options: Options{Migrations: MigrationsBreaking}, said: true, breaking: true, killed: true},
		"nobody said":          {bad: "api", said: true},
		"compatible":           {options: Options{Migrations: MigrationsCompatible}, bad: "api"},
		"it failed itself":     {options: Options{Migrations: MigrationsBreaking}, failing: "manage.py"},
	} {
		t.Run(name, func(t *testing.T) {
			api := with(web("api"), django)
			api.Checks, api.Static = nil, nil
			s := scenario{services: []project.Service{api}, running: []Container{up("api", 1)}, routed: []string{"api"},
				was: source("1", "1"), is: source("2", "1", "tours/0002_note"), release: &Release{Number: 7}, options: c.options, bad: c.bad, failing: c.failing}
			w, plan := s.must(t)
			if c.killed {
				w.crashAt = callAfterMigration(t, s)
			}
			outcome, crashed, err := start(w, &plan)
			if crashed {
				w.die()
				outcome, _, err = resume(w)
			}
			if err != nil || outcome.Result != ResultRolledBack {
				t.Fatal(outcome, err)
			}
			var migrated *MigratedError
			if said := errors.As(outcome.Cause, &migrated); said != c.said || said && migrated.Breaking() != c.breaking {
				t.Errorf("%v", outcome.Cause)
			}
		})
	}
}

// callAfterMigration is the call with which the first container of the new
// version is made.
func callAfterMigration(t *testing.T, s scenario) int {
	w, plan := s.must(t)
	if _, _, err := start(w, &plan); err != nil {
		t.Fatal(err)
	}
	return slices.Index(w.calls, "create shop-api-2") + 1
}
