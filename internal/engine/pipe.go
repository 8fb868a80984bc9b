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
)

// Pipe runs a command in a container with an input and an output of any size.
// Another exit code than 0 is an error with the end of what the command
// complained. Like Exec it is for what may be cut off.
func (w *Workbench) Pipe(ctx context.Context, name string, argv []string, in io.Reader, out io.Writer, atMost time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	complaint := &tail{}
	code, err := w.engine.pipe(limited, name, argv, in, out, complaint)
	if errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && err != nil {
		return fmt.Errorf("%s in %s: %w (%s)", argv[0], name, ErrExecTimeout, atMost)
	}
	if err == nil && code != 0 {
		err = fmt.Errorf("%s in %s: exit code %d: %s", argv[0], name, code, strings.Join(complaint.lines(execOutputLines), "; "))
	}
	return err
}

func (e *Engine) pipe(ctx context.Context, name string, argv []string, in io.Reader, out, complaint io.Writer) (int, error) {
	options := client.ExecCreateOptions{Cmd: argv, AttachStdin: in != nil, AttachStdout: true, AttachStderr: true}
	created, err := e.client.ExecCreate(ctx, name, options)
	if err != nil {
		return 0, missing(name, err)
	}
	attached, err := e.client.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, err
	}
	defer attached.Close()
	stop := context.AfterFunc(ctx, attached.Close)
	defer stop()
	feed(&attached.HijackedResponse, in) // a command that does not read to the end says why itself
	if _, err = stdcopy.StdCopy(out, complaint, attached.Reader); ctx.Err() != nil {
		e.abandon(context.WithoutCancel(ctx), created.ID)
		return 0, ctx.Err()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return e.exitCode(ctx, created.ID)
}

// Log writes all that a container has said to both of its outputs, as it is.
func (w *Workbench) Log(ctx context.Context, name string, out io.Writer) error {
	stream, err := w.engine.client.ContainerLogs(ctx, name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return missing(name, err)
	}
	defer stream.Close()
	_, err = stdcopy.StdCopy(out, out, stream)
	return err
}
