package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/moby/moby/client"
)

// hookWait bounds one post_start hook.
const hookWait = 5 * time.Minute

// Start implements update.Containers. It runs the post_start hooks of the
// service after the start, as docker compose does, and not again if the
// container runs already.
func (w *Workbench) Start(ctx context.Context, name string) error {
	found, err := w.engine.inspect(ctx, name)
	if err != nil {
		return err
	}
	if found.State.Running {
		return nil
	}
	if err := w.engine.Start(ctx, found.ID); err != nil {
		return err
	}
	if found.Config.Labels[LabelRole] == RoleHelper {
		return nil // the hooks are those of the service
	}
	for _, hook := range w.project.Services[found.Config.Labels[labelService]].PostStart {
		err := w.runHook(ctx, found.ID, hook)
		if err != nil && isOwnOneOff(found.Config.Labels) && w.engine.ends(ctx, found.ID) {
			return nil // it ended before its hooks: how it ended is what counts
		}
		if err != nil {
			return fmt.Errorf("post_start of %s: %w", name, err)
		}
	}
	return nil
}

// runHook runs a hook in a container and waits for it.
func (w *Workbench) runHook(ctx context.Context, id string, hook types.ServiceHook) error {
	ctx, cancel := context.WithTimeout(ctx, hookWait)
	defer cancel()
	output := &tail{}
	code, err := w.engine.exec(ctx, id, client.ExecCreateOptions{
		User:         hook.User,
		Privileged:   hook.Privileged,
		Env:          compose.ToMobyEnv(hook.Environment),
		WorkingDir:   hook.WorkingDir,
		Cmd:          hook.Command,
		AttachStdout: true,
		AttachStderr: true,
	}, output)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("%s ended with code %d\n  %s", strings.Join(hook.Command, " "), code, strings.Join(output.lines(execOutputLines), "\n  "))
	}
	return nil
}

// endNoticed is how long the engine may still call a container running whose
// processes are gone, as a hook notices first.
const endNoticed = 2 * time.Second

// ends tells whether a container is known to have ended, now or in a moment.
func (e *Engine) ends(ctx context.Context, id string) bool {
	for end := time.Now().Add(endNoticed); ; {
		found, err := e.inspect(ctx, id)
		if err == nil && !found.State.Running {
			return true
		}
		if time.Now().After(end) || pause(ctx, pollEvery) != nil {
			return false
		}
	}
}
