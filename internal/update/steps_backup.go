package update

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Backups makes backups of the database of a project, and of what else is named. A
// run makes one of each.
type Backups interface {
	// Dump writes what the database holds now beside the finished backups.
	Dump(ctx context.Context, say func(string)) error
	// Prove restores the dump into a throwaway server and compares. Then it is a
	// backup, and not before.
	Prove(ctx context.Context, say func(string)) error
	// Discard removes what is not finished, and tells whether a finished one of
	// the run is there, which stays.
	Discard(ctx context.Context) (kept bool, err error)
	// ID names the backup of the run, the first if there are several.
	ID() string
}

// BackupTarget is the database that a plan can back up, and what is known of
// how long that takes.
type BackupTarget struct {
	Service string
	Also    []string // what else is backed up with it
	// Last is when the last proven backup was begun; zero: there is none. The
	// figures are its own.
	Last      time.Time
	DumpTook  time.Duration
	ProofTook time.Duration
	Bytes     int64
	// Of is how large the databases were then, and Size how large they are now; 0:
	// not known. Room is what is free where backups lie; 0: not known.
	Of, Size, Room int64
	// No is why there is no backup; empty: there is one.
	No string
	// Wanted refuses to migrate without a backup that cannot be made.
	Wanted bool
}

// DumpStep writes the dump of a backup.
type DumpStep struct {
	Service string `json:"service"`
	Detail  string `json:"detail,omitempty"`
	Why     string `json:"why,omitempty"`
}

// Do implements Step.
func (s *DumpStep) Do(ctx context.Context, env *Env) error {
	return backupFailure(env.Backups.Dump(ctx, teller(env, s.Line())))
}

// Undo removes what is not finished.
func (s *DumpStep) Undo(ctx context.Context, env *Env) error {
	_, err := env.Backups.Discard(ctx)
	return err
}

// Line implements Step.
func (s *DumpStep) Line() Line {
	return Line{Verb: "dump", Object: s.Service, Detail: s.Detail, Reason: s.Why}
}

// VerifyStep proves the dump of the run.
type VerifyStep struct {
	Service string `json:"service"`
	Detail  string `json:"detail,omitempty"`
}

// Do implements Step.
func (s *VerifyStep) Do(ctx context.Context, env *Env) error {
	return backupFailure(env.Backups.Prove(ctx, teller(env, s.Line())))
}

// Undo leaves a backup that is proven: whoever undoes an update may be glad of
// it.
func (s *VerifyStep) Undo(ctx context.Context, env *Env) error {
	kept, err := env.Backups.Discard(ctx)
	if kept && err == nil {
		env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(),
			Text: "the backup from before stays: gapless backup restore " + env.Backups.ID()})
	}
	return err
}

// Line implements Step.
func (s *VerifyStep) Line() Line {
	return Line{Verb: "verify", Object: s.Service, Detail: s.Detail}
}

// Both only read from what serves, and what they have written goes away.
func (*DumpStep) onlyWaits() bool        { return true }
func (*VerifyStep) onlyWaits() bool      { return true }
func (*DumpStep) touchesNothing() bool   { return true }
func (*VerifyStep) touchesNothing() bool { return true }

// teller makes events of what a long step says of itself.
func teller(env *Env, line Line) func(string) {
	return func(text string) {
		env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventProgress, Run: env.Run, Line: line, Text: text})
	}
}

// BackupError says that there is no backup, which ends an update before
// anything is touched.
type BackupError struct{ Err error }

func backupFailure(err error) error {
	if err == nil {
		return nil
	}
	return &BackupError{err}
}

func (e *BackupError) Error() string { return "no backup: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *BackupError) Unwrap() error { return e.Err }

// BackupPlan is the plan of a backup by itself.
func BackupPlan(projectName string, target BackupTarget) Plan {
	return Plan{Format: PlanFormat, Project: projectName, Strategy: StrategyBackup, Phases: []Phase{{PhaseBackup, target.steps("")}}}
}

// StrategyBackup stands in the place of a strategy where nothing is updated.
const StrategyBackup = "backup"

func (t BackupTarget) steps(why string) []Step {
	dump, verify := "into a backup of its own", "restored into a throwaway server and compared"
	switch f := t.forecast(); {
	case f.unknown:
		dump += "; how long it takes is not known yet"
	case f.guessed:
		dump += fmt.Sprintf(", at most about %s and %s (a guess by the size of the database: none was made yet)", BytesText(f.bytes), DurationText(f.dump))
		verify += ", about " + DurationText(f.proof) + " (a guess)"
	default:
		dump += fmt.Sprintf(", about %s and %s as the last one", BytesText(f.bytes), DurationText(f.dump))
		verify += ", about " + DurationText(f.proof)
	}
	names := strings.Join(slices.DeleteFunc(append([]string{t.Service}, t.Also...), func(name string) bool { return name == "" }), ", ")
	return []Step{&DumpStep{Service: names, Detail: dump, Why: why}, &VerifyStep{Service: names, Detail: verify}}
}
