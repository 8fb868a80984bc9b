package front

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gapless/internal/update"
)

// Engine looks at containers and into them.
type Engine interface {
	// Exec runs a command in a container and returns its exit code and the last
	// lines of what it wrote.
	Exec(ctx context.Context, containerName string, argv []string, timeout time.Duration) (code int, output string, err error)
	// Printed is Exec with everything that the command wrote.
	Printed(ctx context.Context, containerName string, argv []string, timeout time.Duration) (code int, output string, err error)
	// Processes lists the processes of a container.
	Processes(ctx context.Context, containerName string) ([]update.Process, error)
	// Logs returns the last lines of a container's log.
	Logs(ctx context.Context, containerName string, lines int) ([]string, error)
}

// Nginx drives nginx in containers. It implements update.Front.
type Nginx struct {
	engine Engine
	live   time.Duration // within which new workers must be seen
}

// NewNginx returns a driver over an engine.
func NewNginx(engine Engine) *Nginx { return &Nginx{engine, liveLimit} }

// The pace of a reload and its bounds. nginx reads its files in well under a
// second; one with thousands of hosts takes a few.
const (
	commandLimit = 30 * time.Second
	liveLimit    = 30 * time.Second
	pollEvery    = 25 * time.Millisecond
	logLines     = 20
)

// errNotLive says that no new worker was seen in time.
var errNotLive = errors.New("no new worker")

// Reload implements update.Front.
func (n *Nginx) Reload(ctx context.Context, containerName string, command []string, drain time.Duration) (left int, err error) {
	before, err := n.generation(ctx, containerName)
	if err != nil {
		return 0, err
	}
	if err := n.run(ctx, containerName, command, "-s", "reload"); err != nil {
		return 0, err
	}
	if err := n.awaitLive(ctx, containerName, before); err != nil {
		return 0, err
	}
	return n.awaitGone(ctx, containerName, before, drain)
}

// dump has nginx read all its files without using them, and returns them.
func (n *Nginx) dump(ctx context.Context, containerName string, command []string) (string, error) {
	argv := append(slices.Clone(command), "-T")
	code, printed, err := n.engine.Printed(ctx, containerName, argv, commandLimit)
	if err != nil {
		return "", fmt.Errorf("run %q in %s: %w", strings.Join(argv, " "), containerName, err)
	}
	if code != 0 {
		return "", failed(containerName, argv, code, printed)
	}
	return printed, nil
}

// run calls nginx in the container; a code other than 0 is a *update.GateError
// with what it said.
func (n *Nginx) run(ctx context.Context, containerName string, command []string, options ...string) error {
	argv := append(slices.Clone(command), options...)
	code, output, err := n.engine.Exec(ctx, containerName, argv, commandLimit)
	if err != nil {
		return fmt.Errorf("run %q in %s: %w", strings.Join(argv, " "), containerName, err)
	}
	if code == 0 {
		return nil
	}
	return failed(containerName, argv, code, output)
}

// failed is what nginx said when it refused.
func failed(containerName string, argv []string, code int, output string) error {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return &update.GateError{Container: containerName, Reason: fmt.Sprintf("ran %q, which ended with code %d", strings.Join(argv, " "), code),
		Logs: lines[max(0, len(lines)-logLines):], Ended: true}
}

// generation is who works in a container now.
func (n *Nginx) generation(ctx context.Context, containerName string) (generation, error) {
	processes, err := n.engine.Processes(ctx, containerName)
	if err != nil {
		return generation{}, err
	}
	found := generationOf(processes)
	if found.master == 0 {
		return found, fmt.Errorf("no nginx master process runs in %s: it cannot read its files again", containerName)
	}
	return found, nil
}

// awaitLive waits for workers that were started since. nginx says nothing when
// it keeps its old configuration: its workers just stay the same.
func (n *Nginx) awaitLive(ctx context.Context, containerName string, before generation) error {
	var now generation
	err := poll(ctx, n.live, func() (done bool, err error) {
		now, err = n.generation(ctx, containerName)
		return now.replaces(before), err
	})
	if !errors.Is(err, errNotLive) {
		return err
	}
	lines, logErr := n.engine.Logs(ctx, containerName, logLines)
	if logErr != nil {
		lines = []string{"(its log cannot be read: " + logErr.Error() + ")"}
	}
	return &update.GateError{Container: containerName, Ended: true, Logs: lines,
		Reason: fmt.Sprintf("goes on with its old configuration: nginx started no worker with the new one within %s", update.DurationText(n.live))}
}

// awaitGone waits until nobody works by the old configuration any more, at most
// for the time, and returns how many still do.
func (n *Nginx) awaitGone(ctx context.Context, containerName string, before generation, atMost time.Duration) (left int, err error) {
	err = poll(ctx, atMost, func() (done bool, err error) {
		now, err := n.generation(ctx, containerName)
		left = now.stillOf(before)
		return left == 0, err
	})
	if errors.Is(err, errNotLive) {
		return left, nil
	}
	return left, err
}

// poll asks until the answer is yes, or the time is over.
func poll(ctx context.Context, atMost time.Duration, ask func() (done bool, err error)) error {
	timeout := time.NewTimer(atMost)
	defer timeout.Stop()
	for {
		done, err := ask()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return errNotLive
		case <-time.After(pollEvery):
		}
	}
}
