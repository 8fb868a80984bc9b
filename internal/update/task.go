package update

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// runToEnd creates and starts a container unless that was done already, and
// waits until it ended. A code other than 0 is a *GateError, so that it is
// shown with its log. look is called meanwhile, unless it is nil.
func runToEnd(ctx context.Context, env *Env, spec CreateSpec, atMost time.Duration, look func(context.Context)) (Container, error) {
	if err := env.Creator.Create(ctx, spec); err != nil {
		return Container{}, fmt.Errorf("create %s: %w", spec.Name, err)
	}
	c, err := env.Containers.Inspect(ctx, spec.Name)
	if err != nil {
		return c, err
	}
	if c.StartedAt.IsZero() {
		if err := env.Containers.Start(ctx, spec.Name); err != nil {
			return c, fmt.Errorf("start %s: %w", spec.Name, err)
		}
	}
	down, err := waitEnd(ctx, env, spec.Name, atMost, look)
	if err != nil {
		return c, err
	}
	if !down {
		return c, failedRun(ctx, env, spec.Name, "did not end within "+DurationText(atMost))
	}
	if c, err = env.Containers.Inspect(ctx, spec.Name); err != nil {
		return c, fmt.Errorf("how %s ended is not known: %w", spec.Name, err)
	}
	if c.ExitCode != 0 {
		return c, failedRun(ctx, env, spec.Name, fmt.Sprintf("ended with code %d", c.ExitCode))
	}
	return c, nil
}

// waitEnd is waitDown, also while the engine is being restarted: the container
// goes on meanwhile, or the look afterwards tells how it ended.
func waitEnd(ctx context.Context, env *Env, name string, atMost time.Duration, look func(context.Context)) (bool, error) {
	end := env.Clock.Now().Add(atMost)
	for {
		down, err := waitDownLooking(ctx, env, name, end.Sub(env.Clock.Now()), look)
		if err == nil || env.Unavailable == nil || !env.Unavailable(err) || !env.Clock.Now().Before(end) {
			return down, err
		}
		if err := env.Clock.Sleep(ctx, patiencePause); err != nil {
			return false, err
		}
	}
}

// failedRun is the error of a container that did not end well.
func failedRun(ctx context.Context, env *Env, name, reason string) error {
	return &GateError{Container: name, Reason: reason, Logs: env.Logs(ctx, name), Ended: true}
}

// undoRun waits for a container that still runs, because half of a migration
// is worse than all of it, and removes it. It reports whether the container
// may have done something.
func undoRun(ctx context.Context, env *Env, line Line, name string, atMost time.Duration, look func(context.Context)) (mayHaveRun bool, err error) {
	c, err := env.Containers.Inspect(ctx, name)
	if err != nil && !errors.Is(err, ErrNoContainer) {
		return false, err // whether it runs must be known before it is removed
	}
	// One that is gone has ended well, or was never made.
	mayHaveRun = err != nil || !c.StartedAt.IsZero()
	if err == nil && c.Run == env.Run && c.Running {
		env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: line,
			Text: fmt.Sprintf("%s still runs and is waited for, at most %s", name, DurationText(atMost))})
		if _, err := waitEnd(ctx, env, name, atMost, look); err != nil {
			return mayHaveRun, err
		}
	}
	return mayHaveRun, (&StartStep{Name: name}).Undo(ctx, env)
}

// Ask runs a command that changes nothing, in a container of its own that is
// gone afterwards, and returns what it printed.
func Ask(ctx context.Context, env *Env, spec CreateSpec, atMost time.Duration) ([]string, error) {
	defer func() { _ = env.Creator.Remove(context.WithoutCancel(ctx), spec.Name) }()
	if _, err := runToEnd(ctx, env, spec, atMost, nil); err != nil {
		return nil, err
	}
	return env.Logs(ctx, spec.Name), nil
}
