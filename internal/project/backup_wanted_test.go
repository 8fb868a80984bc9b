package project

import "testing"

// TestBackupIsAskedFor: an update makes a backup only where the project wants one.
func TestBackupIsAskedFor(t *testing.T) {
	yes, no, none := true, false, 0
	for name, c := range map[string]struct {
		settings BackupSettings
		want     bool
	}{
		"nothing set":       {BackupSettings{}, false},
		"asked for":         {BackupSettings{BeforeMigrations: &yes}, true},
		"something set":     {BackupSettings{Keep: 3}, true},
		"set to none":       {BackupSettings{KeepWeekly: &none}, true},
		"set, and not then": {BackupSettings{BeforeMigrations: &no, Service: "db", Keep: 3}, false},
	} {
		if got := c.settings.Wanted(); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
