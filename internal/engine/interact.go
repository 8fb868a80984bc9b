package engine

import (
	"context"
	"io"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Interact starts a command in a container to talk to: what is written is its
// input, what is read is both of its outputs. When the connection ends, so does
// the input of the command, also if this process dies.
func (w *Workbench) Interact(ctx context.Context, name string, argv []string) (io.ReadWriteCloser, error) {
	options := client.ExecCreateOptions{Cmd: argv, AttachStdin: true, AttachStdout: true, AttachStderr: true}
	created, err := w.engine.client.ExecCreate(ctx, name, options)
	if err != nil {
		return nil, missing(name, err)
	}
	attached, err := w.engine.client.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	output, demuxed := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(demuxed, demuxed, attached.Reader)
		demuxed.CloseWithError(err) // nil is the end of the command
	}()
	return &interaction{output, attached.Conn, func() { attached.Close(); _ = output.Close() }}, nil
}

// interaction is a command that is talked to.
type interaction struct {
	io.Reader
	io.Writer
	end func()
}

// Close implements io.Closer. It ends a read that waits.
func (i *interaction) Close() error {
	i.end()
	return nil
}
