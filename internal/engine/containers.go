package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

// startWait bounds the start of a container, which is slow on a loaded host.
const startWait = time.Minute

// Start starts a container; one that runs already is no error.
func (e *Engine) Start(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	_, err := e.client.ContainerStart(ctx, name, client.ContainerStartOptions{})
	return missing(name, err)
}

// missing turns the engine's "not found" into update.ErrNoContainer.
func missing(name string, err error) error {
	if errdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such container") {
		return fmt.Errorf("%s: %w", name, update.ErrNoContainer)
	}
	return err
}

// Signal implements update.Containers.
//
// Any signal that goes through the kill request of the engine makes it forget
// that a container shall be restarted. That is right for the signal by which
// the container is stopped, and wrong for one by which it reloads its
// configuration: that one goes straight to the process.
func (w *Workbench) Signal(ctx context.Context, name, signal string) error {
	found, err := w.engine.inspect(ctx, name)
	if err != nil {
		return err
	}
	if found.State == nil || !found.State.Running && !found.State.Restarting {
		return nil
	}
	number, err := signalNumber(signal)
	if err != nil {
		return err
	}
	if reloads[number] && !isStopSignal(found.Config.StopSignal, number) {
		return ignoreGone(w.signalProcess(ctx, found, number))
	}
	// By ID, because a restart under the same name would be another process.
	return w.engine.kill(ctx, found.ID, number)
}

// SignalProcess implements update.Containers.
func (w *Workbench) SignalProcess(ctx context.Context, name, signal string) error {
	number, err := signalNumber(signal)
	if err != nil {
		return err
	}
	found, err := w.engine.inspect(ctx, name)
	if err != nil {
		return err
	}
	return w.signalProcess(ctx, found, number)
}

// signalProcess signals the main process of a container from the host. One that
// is gone is unix.ESRCH.
func (w *Workbench) signalProcess(ctx context.Context, c container.InspectResponse, number unix.Signal) error {
	if err := w.engine.RequireLocal(); err != nil {
		return err
	}
	if c.State == nil || !c.State.Running || c.State.Pid <= 0 {
		return fmt.Errorf("%s does not run: %w", strings.TrimPrefix(c.Name, "/"), unix.ESRCH)
	}
	return signalHeld(ctx, c.State.Pid, number, func(ctx context.Context) (bool, error) {
		now, err := w.engine.inspect(ctx, c.ID)
		return err == nil && now.State != nil && now.State.Pid == c.State.Pid, err
	})
}

// kill sends a signal through the engine. A container that does not run is no
// error.
func (e *Engine) kill(ctx context.Context, id string, number unix.Signal) error {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	_, err := e.client.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: unix.SignalName(number)})
	if errdefs.IsConflict(err) {
		return nil
	}
	return missing(id, err)
}

// reloads are the signals that servers take as a request to reload.
var reloads = map[unix.Signal]bool{unix.SIGHUP: true, unix.SIGUSR1: true, unix.SIGUSR2: true, unix.SIGWINCH: true}

// signalNumber reads "SIGTERM", "term" or "15".
func signalNumber(text string) (unix.Signal, error) {
	var number int
	if _, err := fmt.Sscanf(text, "%d", &number); err == nil && number > 0 && unix.SignalName(unix.Signal(number)) != "" {
		return unix.Signal(number), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if number := unix.SignalNum(name); number != 0 {
		return number, nil
	}
	return 0, fmt.Errorf("signal %q does not exist", text)
}

// isStopSignal tells whether a container is stopped by the signal.
func isStopSignal(configured string, number unix.Signal) bool {
	if configured == "" {
		return number == unix.SIGTERM
	}
	stop, err := signalNumber(configured)
	return err == nil && stop == number
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// SetRestart implements update.Containers.
func (w *Workbench) SetRestart(ctx context.Context, name, policy string) error {
	parsed, err := parseRestart(policy)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	_, err = w.engine.client.ContainerUpdate(ctx, name, client.ContainerUpdateOptions{RestartPolicy: &parsed})
	if err != nil && strings.Contains(err.Error(), "marked for removal") {
		return fmt.Errorf("%s: %w", name, update.ErrNoContainer) // it is as good as gone
	}
	return missing(name, err)
}

// pollEvery is the time between two looks at something that is about to end.
const pollEvery = 20 * time.Millisecond

// pause waits, or returns the reason why the context ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
