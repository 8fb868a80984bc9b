package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"gapless/internal/backup"
	"gapless/internal/project"
	"gapless/internal/update"
)

// backupSession is a session of a project that has a database with settings.
func backupSession(t *testing.T, settings string) *session {
	t.Helper()
	t.Setenv("GAPLESS_STATE_DIR", t.TempDir())
	directory := t.TempDir()
	writeFile(t, directory+"/compose.yaml", "name: shop\nservices:\n  db: {image: postgres:15}\nx-gapless: {backup: {"+settings+"}}\n")
	p, err := project.Load(t.Context(), project.Options{Files: []string{directory + "/compose.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	return &session{project: p}
}

func databaseRuns(running bool) update.State {
	return update.State{Containers: []update.Container{{Service: "db", Number: 1, Running: running}}}
}

// TestBackupsAreAskedFor: a plan backs up what the project says, and else tells
// how to say it.
func TestBackupsAreAskedFor(t *testing.T) {
	for settings, says := range map[string]string{"": "set x-gapless.backup.before_migrations", "keep: 3": "", "before_migrations: true": ""} {
		target, err := backupSession(t, settings).backupTarget(databaseRuns(true), update.Options{})
		if err != nil || target == nil || !strings.HasPrefix(target.No, says) || (says == "") != (target.No == "") {
			t.Errorf("%q: %+v, %v", settings, target, err)
		}
	}
	if target, err := backupSession(t, "keep: 3, before_migrations: false").backupTarget(databaseRuns(true), update.Options{}); err != nil || target != nil {
		t.Errorf("asked for none: %+v, %v", target, err)
	}
	if target, err := backupSession(t, "").backupTarget(update.State{}, update.Options{}); err != nil || target != nil {
		t.Errorf("nothing there yet: %+v, %v", target, err)
	}
}

// TestWantedBackupThatCannotBe: what stands in the way is said before anything
// migrates, and in words about backups.
func TestWantedBackupThatCannotBe(t *testing.T) {
	missing := t.TempDir() + "/disk"
	s := backupSession(t, "directory: "+missing)
	target, err := s.backupTarget(databaseRuns(true), update.Options{})
	if err != nil || !target.Wanted || !strings.Contains(target.No, "x-gapless.backup.directory: stat "+missing) {
		t.Errorf("no directory: %+v, %v", target, err)
	}
	_, err = s.backupStore(true)
	if code, hint := codeAndHint(err); code != exitRefused || strings.Contains(err.Error()+hint, "GAPLESS_STATE_DIR") {
		t.Errorf("no directory: %v, %s", err, hint)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("the directory was made")
	}
	if err := os.Mkdir(missing, 0o755); err != nil {
		t.Fatal(err)
	}
	store, err := s.backupStore(true)
	if err != nil || !store.Exists() || store.Directory() != missing+"/shop" {
		t.Errorf("%v, %v", store, err)
	}
	target, err = backupSession(t, "keep: 3").backupTarget(databaseRuns(false), update.Options{})
	if err != nil || !target.Wanted || target.No != "it does not run" {
		t.Errorf("it is down: %+v, %v", target, err)
	}
	if _, err := backupSession(t, "keep: 3").backupStore(true); err != nil {
		t.Errorf("in the state directory: %v", err)
	}
}

// dumps is a maker of backups whose dump ends with an error.
type dumps struct {
	update.Backups
	err               error
	proven, discarded bool
}

func (d *dumps) Dump(context.Context, func(string)) error     { return d.err }
func (d *dumps) Prove(context.Context, func(string)) error    { d.proven = true; return nil }
func (d *dumps) Discard(context.Context) (kept bool, _ error) { d.discarded = true; return false, nil }

// TestNothingToBackUpYet: empty databases do not keep an update from filling
// them.
func TestNothingToBackUpYet(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		err, want error
		notices   int
	}{"used": {}, "not used": {err: backup.ErrNothing, notices: 1}, "broken": {err: broken, want: broken}} {
		made, notices := &dumps{err: c.err}, 0
		backups := &ifAny{Backups: made, notice: func(string) { notices++ }}
		err := backups.Dump(t.Context(), nil)
		if err == nil {
			err = backups.Prove(t.Context(), nil)
		}
		if !errors.Is(err, c.want) || notices != c.notices || made.discarded != (c.notices > 0) || made.proven != (c.err == nil) {
			t.Errorf("%s: %v, %d notices, %+v", name, err, notices, made)
		}
	}
}
