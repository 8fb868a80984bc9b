package update

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// guarded is a migration under its guard. Only what it notes in the journal
// outlives the process.
type guarded struct {
	*Guard
	step        *TaskStep
	env         *Env
	application string
	session     DatabaseSession // nil while there is none
	locked      bool            // the session has the lock of whoever migrates

	began     time.Time
	looked    time.Time
	behind    map[int]time.Time // users that wait for the migration, since when, by process
	before    string            // a session that it waited for last
	timeout   time.Duration     // for a lock, of the try that is made
	cancelled bool              // by us
	told      bool              // that users wait
}

// longestApplication is how much of its name Postgres keeps.
const longestApplication = 63

func (s *TaskStep) guarded(env *Env) *guarded {
	application := "gapless-" + env.Run + "-" + s.Service
	return &guarded{Guard: s.Guard, step: s, env: env, application: application[:min(len(application), longestApplication)]}
}

// runGuarded runs the command, and again if it got no lock and left nothing.
func (s *TaskStep) runGuarded(ctx context.Context, env *Env) (Container, error) {
	g := s.guarded(env)
	defer g.close()
	g.began = env.Clock.Now()
	if err := g.begin(ctx); err != nil {
		return Container{}, err
	}
	if !g.Down {
		g.began = env.Clock.Now() // the wait for another one that migrates is apart
	}
	for try := 1; ; try++ {
		ended, err := g.try(ctx, try)
		if err == nil {
			if err := g.tidy(ctx); err != nil {
				s.notice(env, "it ended well, and whether it left an invalid index is not known: "+err.Error())
			}
			return ended, nil
		}
		failure := g.lacked(ended, err)
		if failure == nil {
			return ended, err
		}
		failure.Tries, failure.Took = try, env.Clock.Now().Sub(g.began)
		if !g.Repeatable || try == mostTries || failure.Took >= g.limit() {
			return ended, failure
		}
		if err := g.again(ctx, ended, failure); err != nil {
			return ended, err
		}
	}
}

// try makes the container of one try and waits for its end.
func (g *guarded) try(ctx context.Context, number int) (Container, error) {
	g.timeout, g.cancelled, g.before, g.behind = g.lockTimeoutOf(number), false, "", map[int]time.Time{}
	spec := g.step.spec(g.env)
	spec.Session = &SessionOptions{Application: g.application, LockTimeout: g.timeout}
	return runToEnd(ctx, g.env, spec, g.step.AtMost, g.look)
}

// lacked is the failure of a try for want of a lock; nil if it failed otherwise.
func (g *guarded) lacked(ended Container, err error) *LockedError {
	var failed *GateError
	if !errors.As(err, &failed) || ended.ExitCode == 0 || !g.cancelled && !lacksLock(failed.Logs) {
		return nil
	}
	return &LockedError{Service: g.step.Service, Waited: g.timeout, Cancelled: g.cancelled, Before: g.before, Repeatable: g.Repeatable, Failed: failed}
}

// again clears what a try left, and waits for the time of the next.
func (g *guarded) again(ctx context.Context, ended Container, failure *LockedError) error {
	if err := g.tidy(ctx); err != nil {
		return fmt.Errorf("before another try: %w", err)
	}
	if err := g.env.Creator.Remove(ctx, ended.ID); err != nil {
		return fmt.Errorf("remove %s before another try: %w", ended.Name, err)
	}
	pause := g.pauseAfter(failure.Tries)
	why := fmt.Sprintf("got no lock within %s", DurationText(g.timeout))
	if g.cancelled {
		why = "was cancelled, because others waited for it"
	}
	if g.before != "" {
		why += ", waiting for " + g.before
	}
	g.step.notice(g.env, fmt.Sprintf("the migration of %s %s; try %d of %d follows in %s", g.step.Service, why, failure.Tries+1, mostTries, DurationText(pause)))
	if err := g.pause(ctx, pause); err != nil {
		return err
	}
	return g.lock(ctx)
}

// pause sleeps, unless the user asks to stop.
func (g *guarded) pause(ctx context.Context, left time.Duration) error {
	for ; !g.env.isInterrupted(); left -= lockPoll {
		if left <= 0 {
			return nil
		}
		if err := g.env.Clock.Sleep(ctx, min(left, lockPoll)); err != nil {
			return err
		}
	}
	return ErrInterrupted
}

// begin opens the session, takes the lock of whoever migrates and notes which
// indexes are there, before the first try.
func (g *guarded) begin(ctx context.Context) error {
	if err := g.lock(ctx); err != nil {
		return err
	}
	if _, begun := g.env.noted(g.step.Name); !begun {
		indexes, err := g.session.Indexes(ctx)
		if err == nil {
			err = g.env.note(g.step.Name, indexes)
		}
		if err != nil {
			return fmt.Errorf("note which indexes are there: %w", err)
		}
		invalid, err := g.session.Invalid(ctx)
		if err != nil {
			return fmt.Errorf("look for invalid indexes: %w", err)
		}
		if len(invalid) > 0 {
			g.step.notice(g.env, "not valid before the migration, and left as it is: the index "+strings.Join(invalid, ", "))
		}
	}
	long, err := g.session.OpenLonger(ctx, longTransaction)
	if err != nil {
		return fmt.Errorf("look for long transactions: %w", err)
	}
	for _, client := range long {
		g.step.notice(g.env, fmt.Sprintf("the migration of %s may have to wait for %s", g.step.Service, client))
	}
	return nil
}

// lock waits until nobody else migrates the database.
func (g *guarded) lock(ctx context.Context) error {
	end := g.env.Clock.Now().Add(triesLimit)
	if g.Down {
		end = g.began.Add(downLimit)
	}
	for said := false; ; said = true {
		err := g.connect(ctx)
		if err == nil && !g.locked {
			g.locked, err = g.session.TryLock(ctx)
		}
		switch {
		case err != nil:
			return fmt.Errorf("the lock of whoever migrates: %w", err)
		case g.locked:
			return nil
		case !g.env.Clock.Now().Before(end):
			return ErrMigrating
		case !said:
			g.step.notice(g.env, ErrMigrating.Error()+"; waiting for it")
		}
		if err := g.pause(ctx, lockPoll); err != nil {
			return err
		}
	}
}

// connect opens the session; a server that is being restarted is waited for.
func (g *guarded) connect(ctx context.Context) error {
	if g.session != nil {
		return nil
	}
	end := g.env.Clock.Now().Add(patience)
	for {
		err := g.reopen(ctx)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrNoContainer) || !g.env.Clock.Now().Before(end) {
			return err
		}
		if err := g.env.Clock.Sleep(ctx, patiencePause); err != nil {
			return err
		}
	}
}

// reopen opens a session and takes the lock of whoever migrates, if nobody has it:
// the server may not yet have noticed that the session before is gone.
func (g *guarded) reopen(ctx context.Context) error {
	session, err := g.env.Databases.Open(ctx, g.Database)
	if err != nil {
		return err
	}
	g.session = session
	if g.locked, err = session.TryLock(ctx); err != nil {
		g.close()
	}
	return err
}

func (g *guarded) close() {
	if g.session != nil {
		g.session.Close()
		g.session, g.locked = nil, false
	}
}

// tidy ends sessions whose client is gone, and drops the invalid indexes that
// they left. The container must have ended.
func (g *guarded) tidy(ctx context.Context) error {
	for end := g.env.Clock.Now().Add(patience); ; {
		if err := g.connect(ctx); err != nil {
			return err
		}
		done, spared, err := g.sweep(ctx)
		// What requests wait for does not wait for somebody else's index.
		if over := done || !g.env.Clock.Now().Before(end); over || err == nil && g.Down {
			if len(spared) > 0 {
				g.step.notice(g.env, "not valid, and left because somebody is at work on its table: the index "+strings.Join(spared, ", "))
			}
			return err
		}
		if err != nil {
			g.close() // the server may have been restarted
		}
		if err := g.env.Clock.Sleep(ctx, patiencePause); err != nil {
			return err
		}
	}
}

func (g *guarded) sweep(ctx context.Context) (done bool, spared []string, err error) {
	left, err := g.session.End(ctx, g.application)
	if err != nil || left > 0 {
		return false, nil, errors.Join(err, sessionsLeft(left))
	}
	known, begun := g.env.noted(g.step.Name)
	if !begun {
		return true, nil, nil
	}
	dropped, spared, err := g.session.DropInvalid(ctx, known)
	if len(dropped) > 0 {
		g.step.notice(g.env, "dropped the invalid index that the migration left: "+strings.Join(dropped, ", "))
	}
	return err == nil && len(spared) == 0, spared, err
}

func sessionsLeft(count int) error {
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%s of the migration did not end", counted(count, "session"))
}

// undoGuarded clears what a migration left whose container is gone. What cannot
// be cleared is said: it keeps nobody from serving.
func (s *TaskStep) undoGuarded(ctx context.Context, env *Env) {
	if _, begun := env.noted(s.Name); !begun {
		return
	}
	g := s.guarded(env)
	defer g.close()
	if err := g.tidy(ctx); err != nil {
		s.notice(env, "whether the migration of "+s.Service+" left an invalid index is not known: "+err.Error())
	}
}
