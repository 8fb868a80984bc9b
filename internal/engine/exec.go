package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

// ErrExecTimeout says that a command in a container did not end in time. It is
// killed then, if its process can be seen from here; what it started goes on.
var ErrExecTimeout = errors.New("did not end in time")

// execOutputLines is how much of the output of a command is kept.
const execOutputLines = 20

// Exec implements update.Containers.
func (w *Workbench) Exec(ctx context.Context, name string, argv []string, atMost time.Duration) (update.ExecResult, error) {
	code, output, err := w.engine.Exec(ctx, name, argv, atMost)
	return update.ExecResult{Code: code, Output: output}, err
}

// Exec runs a command in a container and returns its exit code and the last
// lines of its output. It is for checks that may be cut off, never for work
// that must be done once: such a command outlives this process.
func (e *Engine) Exec(ctx context.Context, name string, argv []string, timeout time.Duration) (int, string, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	output := &tail{}
	code, err := e.exec(limited, name, client.ExecCreateOptions{Cmd: argv, AttachStdout: true, AttachStderr: true}, output)
	if errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && err != nil {
		err = fmt.Errorf("%s: %w (%s)", strings.Join(argv, " "), ErrExecTimeout, timeout)
	}
	return code, strings.Join(output.lines(execOutputLines), "\n"), err
}

// printedBytes bounds what Printed keeps.
const printedBytes = 8 << 20

// Printed runs a command as Exec does and returns all that it printed, its end
// if that is very much.
func (e *Engine) Printed(ctx context.Context, name string, argv []string, timeout time.Duration) (int, string, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	output := &tail{most: printedBytes}
	code, err := e.exec(limited, name, client.ExecCreateOptions{Cmd: argv, AttachStdout: true, AttachStderr: true}, output)
	return code, strings.ToValidUTF8(string(output.content), "?"), err
}

// Test runs a healthcheck test as in a compose file: CMD with arguments, or
// CMD-SHELL with a line for the shell of the container.
func (e *Engine) Test(ctx context.Context, name string, test []string, timeout time.Duration) (int, string, error) {
	argv, err := testCommand(test)
	if err != nil {
		return 0, "", err
	}
	return e.Exec(ctx, name, argv, timeout)
}

// testCommand is the command of a healthcheck test.
func testCommand(test []string) ([]string, error) {
	if len(test) > 1 {
		switch test[0] {
		case "CMD":
			return test[1:], nil
		case "CMD-SHELL":
			return []string{"/bin/sh", "-c", strings.Join(test[1:], " ")}, nil
		}
	}
	return nil, fmt.Errorf("healthcheck test %q is neither CMD nor CMD-SHELL with a command", test)
}

func (e *Engine) exec(ctx context.Context, name string, options client.ExecCreateOptions, output *tail) (int, error) {
	created, err := e.client.ExecCreate(ctx, name, options)
	if err != nil {
		return 0, missing(name, err)
	}
	attached, err := e.client.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, err
	}
	defer attached.Close()
	// A read does not know the context; closing the connection ends it.
	stop := context.AfterFunc(ctx, attached.Close)
	defer stop()
	_, err = stdcopy.StdCopy(output, output, attached.Reader)
	if ctx.Err() != nil {
		code, ended := e.abandon(context.WithoutCancel(ctx), created.ID)
		if ended {
			return code, nil
		}
		return 0, ctx.Err()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return e.exitCode(ctx, created.ID)
}

// exitCode waits for the end of a command that closed its outputs, and kills it
// when the context ends before.
func (e *Engine) exitCode(ctx context.Context, id string) (int, error) {
	for {
		state, err := e.client.ExecInspect(ctx, id, client.ExecInspectOptions{})
		if err != nil {
			return 0, err
		}
		if !state.Running {
			return state.ExitCode, nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			e.abandon(context.WithoutCancel(ctx), id)
			return 0, err
		}
	}
}

// abandon kills a command that takes too long. One that has ended and left its
// outputs to a child is as good as any other: its code is returned.
func (e *Engine) abandon(ctx context.Context, id string) (code int, ended bool) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	state, err := e.client.ExecInspect(ctx, id, client.ExecInspectOptions{})
	if err != nil {
		return 0, false
	}
	if !state.Running {
		return state.ExitCode, true
	}
	if state.PID > 0 && isLocal(e.host) {
		_ = signalHeld(ctx, state.PID, unix.SIGKILL, func(ctx context.Context) (bool, error) {
			now, err := e.client.ExecInspect(ctx, id, client.ExecInspectOptions{})
			return err == nil && now.Running && now.PID == state.PID, err
		})
	}
	return 0, false
}
