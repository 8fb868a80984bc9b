package update

import "context"

// fakeBackups is a directory of backups and a throwaway server. What a dead
// process has left of an unfinished one is still there.
type fakeBackups struct{ w *world }

func (f fakeBackups) Dump(_ context.Context, say func(string)) error {
	err := f.w.call("dump begins", func() error { f.w.unfinished = true; return nil })
	say("half")
	if err == nil {
		err = f.w.call("dump ends", func() error { return nil })
	}
	return err
}

func (f fakeBackups) Prove(_ context.Context, _ func(string)) error {
	err := f.w.call("prove begins", func() error { f.w.throwaway = true; return nil })
	if err == nil {
		err = f.w.call("prove ends", func() error {
			if !f.w.unfinished {
				f.w.violations = append(f.w.violations, "a backup was proven that was not dumped")
			}
			f.w.throwaway, f.w.unfinished, f.w.backedUp = false, false, true
			return nil
		})
	}
	return err
}

func (f fakeBackups) Discard(context.Context) (bool, error) {
	err := f.w.call("discard", func() error { f.w.throwaway, f.w.unfinished = false, false; return nil })
	return f.w.backedUp, err
}

func (fakeBackups) ID() string { return "run1" }

// checkBackup notes a migration without the backup that was to come before.
func (w *world) checkBackup(command []string) {
	if w.mustBackUp && !w.backedUp && len(command) > 1 && command[1] == "migrate" {
		w.violations = append(w.violations, "it was migrated without a backup")
	}
}

// backupSummary says what is left of an unfinished backup.
func (w *world) backupSummary() (lines []string) {
	if w.unfinished {
		lines = append(lines, "an unfinished backup")
	}
	if w.throwaway {
		lines = append(lines, "a throwaway server")
	}
	return lines
}
