package cli

import (
	"strings"
	"testing"

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
