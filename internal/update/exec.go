package update

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// ExecResult is how a command in a container ended.
type ExecResult struct {
	Code   int
	Output string // its last lines
}

// runInside runs a command in a container that serves; a code other than 0 is
// a *GateError with what the command printed.
func runInside(ctx context.Context, env *Env, name string, command []string, atMost time.Duration) error {
	result, err := env.Containers.Exec(ctx, name, command, atMost)
	if err != nil {
		return fmt.Errorf("run %q in %s: %w", strings.Join(command, " "), name, err)
	}
	if result.Code == 0 {
		return nil
	}
	failed := &GateError{Container: name, Reason: fmt.Sprintf("ran %q, which ended with code %d", strings.Join(command, " "), result.Code), Ended: true}
	if result.Output != "" {
		failed.Logs = strings.Split(result.Output, "\n")
	}
	return failed
}

// lookAtOld inspects a container that the plan knows by its ID.
func lookAtOld(ctx context.Context, env *Env, name, id string) (Container, error) {
	c, err := env.Containers.Inspect(ctx, name)
	if err != nil {
		return c, err
	}
	if c.ID != id {
		return c, fmt.Errorf("%s is another container now: somebody else made it during the update", name)
	}
	return c, nil
}

// restartWait bounds the wait for a container that its policy restarts: the
// engine doubles the pause before each attempt.
const restartWait = 30 * time.Second

// lookSettled is lookAtOld once the container runs or not: one that is being
// restarted is said to run, and takes neither a signal nor a command.
func lookSettled(ctx context.Context, env *Env, name, id string) (Container, error) {
	end := env.Clock.Now().Add(restartWait)
	for {
		c, err := lookAtOld(ctx, env, name, id)
		if err != nil || !c.Restarting || !env.Clock.Now().Before(end) {
			return c, err
		}
		if err := env.Clock.Sleep(ctx, stopPoll); err != nil {
			return c, err
		}
	}
}
