package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The purposes of a task. They decide what a failure means and what happens
// to one that still runs when the update is undone.
const (
	TaskCheck   = "check"   // looks only: a failure refuses the update, nothing was touched
	TaskMigrate = "migrate" // changes data: always waited for, never undone
	TaskStatic  = "static"  // writes files that can be written again
)

// TaskStep runs one command to its end in a container of its own, made as
// docker compose run makes it. The container survives the death of this
// process and goes away once it ended well.
type TaskStep struct {
	Service string        `json:"service"`
	Name    string        `json:"name"` // of the container
	Command []string      `json:"command"`
	ImageID string        `json:"imageId,omitempty"` // empty: what the service's reference names
	Release int           `json:"release"`
	AtMost  time.Duration `json:"atMostNs"`
	Purpose string        `json:"purpose"` // TaskCheck, TaskMigrate or TaskStatic
	Why     string        `json:"why,omitempty"`
	Shown   string        `json:"shown,omitempty"`  // in place of a command that is a program of its own
	Beside  *Beside       `json:"beside,omitempty"` // TaskStatic: files are collected beside those that are served
	Guard   *Guard        `json:"guard,omitempty"`  // TaskMigrate: nil where the database is not known
}

// Do runs the command. A code other than 0 is a *GateError with the end of the
// log; that of a check is a *CheckError around it.
func (s *TaskStep) Do(ctx context.Context, env *Env) error {
	run := s.run
	if s.Beside != nil {
		run = s.runBeside
	} else if s.Guard != nil {
		run = s.runGuarded
	}
	ended, err := run(ctx, env)
	var failed *GateError
	if s.Purpose == TaskCheck && errors.As(err, &failed) {
		return &CheckError{Service: s.Service, Command: s.Command, Failed: failed}
	}
	if err != nil {
		return err
	}
	s.clear(ctx, env, ended)
	return nil
}

func (s *TaskStep) spec(env *Env) CreateSpec {
	return CreateSpec{Service: s.Service, Name: s.Name, Run: env.Run, Release: s.Release, Command: s.Command, ImageID: s.ImageID}
}

func (s *TaskStep) run(ctx context.Context, env *Env) (Container, error) {
	return runToEnd(ctx, env, s.spec(env), s.AtMost, nil)
}

// clear removes a container that ended well.
func (s *TaskStep) clear(ctx context.Context, env *Env, ended Container) {
	if err := env.Creator.Remove(ctx, ended.ID); err != nil {
		s.notice(env, ended.Name+" ended well and could not be removed: "+err.Error())
	}
}

// Undo removes the container, at once if the command changes no data. A
// migration that still runs is waited for, and what it did stays. So is the
// publication of static files.
func (s *TaskStep) Undo(ctx context.Context, env *Env) error {
	if err := s.undoBeside(ctx, env); err != nil {
		return err
	}
	if s.Purpose != TaskMigrate {
		return env.Creator.Fence(ctx, s.Name, env.Run)
	}
	var look func(context.Context)
	if s.Guard != nil {
		g := s.guarded(env)
		g.timeout = s.Guard.Most // which of its tries it is, nobody knows
		defer g.close()
		look = g.look
	}
	mayHaveRun, err := undoRun(ctx, env, s.Line(), s.Name, s.AtMost, look)
	if err != nil {
		return err
	}
	if s.Guard != nil {
		s.undoGuarded(ctx, env)
	}
	if mayHaveRun {
		s.notice(env, "a migration is not undone: what that of "+s.Service+" did to the data stays")
	}
	return nil
}

// onlyWaits tells whether a user who wants to stop need not wait for it.
func (s *TaskStep) onlyWaits() bool { return s.Purpose != TaskMigrate }

// touchesNothing tells whether the application is as before, also in between.
func (s *TaskStep) touchesNothing() bool { return s.Purpose == TaskCheck }

func (s *TaskStep) notice(env *Env, text string) {
	env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(), Text: text})
}

// Line implements Step.
func (s *TaskStep) Line() Line {
	detail := fmt.Sprintf("%s, at most %s", cmp.Or(s.Shown, strings.Join(s.Command, " ")), DurationText(s.AtMost))
	if s.Guard != nil {
		detail += "; " + s.Guard.words()
	}
	if s.Beside != nil {
		detail += "; into " + s.Beside.Target + " by rename"
	}
	return Line{Verb: s.Purpose, Object: s.Service, Detail: detail, Reason: s.Why}
}

// Names lists the containers that the step makes.
func (s *TaskStep) Names() []string {
	if s.Beside == nil {
		return []string{s.Name}
	}
	return []string{s.Name, s.Beside.Prepare, s.Beside.Publish}
}

// CheckError says that a check failed before anything was touched.
type CheckError struct {
	Service string
	Command []string
	Failed  *GateError // with what the check printed
}

func (e *CheckError) Error() string {
	return fmt.Sprintf("the check %q of %s %s", strings.Join(e.Command, " "), e.Service, e.Failed.Reason)
}

// Unwrap gives the output of the check.
func (e *CheckError) Unwrap() error { return e.Failed }

// Hint tells what to do about it.
func (e *CheckError) Hint() string {
	return "correct what the check found, or change x-gapless.checks"
}
