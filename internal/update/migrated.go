package update

import (
	"cmp"
	"strings"
)

// MigratedError says that the version before is back on data of the new one.
type MigratedError struct {
	Migrations []Migrated
}

func (e *MigratedError) Error() string {
	var words []string
	for _, m := range e.Migrations {
		words = append(words, m.Words())
	}
	return "the data stays as the update made it: " + strings.Join(words, "; ")
}

// Breaking tells whether what serves again is known not to survive that.
func (e *MigratedError) Breaking() bool {
	for _, m := range e.Migrations {
		if m.Verdict == MigrationsBreaking && m.Since == 0 {
			return true
		}
	}
	return false
}

// migrated is what stays migrated after everything up to a step was undone, as
// far as the version before may suffer from it. A migration that failed has
// said so itself.
func (r *Run) migrated(upTo int, failed Place) error {
	ran := map[string]bool{}
	for i, step := range r.Plan.Steps()[:upTo] {
		if task, is := step.(*TaskStep); is && task.Purpose == TaskMigrate && failed.Step != i+1 {
			ran[task.Service] = true
		}
		if job, is := step.(*JobStep); is && failed.Step != i+1 {
			ran[job.Service] = true
		}
	}
	found := &MigratedError{}
	for _, m := range r.Plan.Migrations {
		if ran[cmp.Or(m.By, m.Service)] && m.Verdict != MigrationsCompatible {
			found.Migrations = append(found.Migrations, m)
		}
	}
	if len(found.Migrations) == 0 {
		return nil
	}
	return found
}
