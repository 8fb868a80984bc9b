package engine

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Logs returns the last lines that a container wrote to both of its outputs,
// harmless for a terminal.
func (e *Engine) Logs(ctx context.Context, name string, count int) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	var lines []string
	err := e.readLogs(ctx, name, client.ContainerLogsOptions{Tail: strconv.Itoa(count)}, func(line string) error {
		lines = append(lines, line)
		return nil
	})
	return lines[max(0, len(lines)-count):], err
}

// FollowOptions choose what FollowLogs shows.
type FollowOptions struct {
	Tail  int    // lines to begin with; negative: all
	Since string // as in docker logs: a time or a duration; empty: any
	Once  bool   // end with what is there
}

// FollowLogs hands over each line of a container until it ends, the context
// ends or the function returns an error.
func (e *Engine) FollowLogs(ctx context.Context, name string, options FollowOptions, each func(line string) error) error {
	count := "all"
	if options.Tail >= 0 {
		count = strconv.Itoa(options.Tail)
	}
	return e.readLogs(ctx, name, client.ContainerLogsOptions{Tail: count, Since: options.Since, Follow: !options.Once}, each)
}

// readLogs splits the two outputs into lines.
func (e *Engine) readLogs(ctx context.Context, name string, options client.ContainerLogsOptions, each func(string) error) error {
	found, err := e.inspect(ctx, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options.ShowStdout, options.ShowStderr = true, true
	stream, err := e.client.ContainerLogs(ctx, found.ID, options)
	if err != nil {
		return missing(name, err)
	}
	defer stream.Close()
	plain, demuxed := io.Pipe()
	go func() {
		var err error
		if found.Config.Tty {
			_, err = io.Copy(demuxed, stream)
		} else {
			_, err = stdcopy.StdCopy(demuxed, demuxed, stream)
		}
		demuxed.CloseWithError(err)
	}()
	defer plain.Close()
	err = eachLine(plain, each)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return nil
	}
	return err
}

// eachLine hands over cleaned lines. An endless line is cut, not kept.
func eachLine(from io.Reader, each func(string) error) error {
	reader := bufio.NewReaderSize(from, maximumLine+1)
	for {
		piece, err := reader.ReadSlice('\n')
		line := string(piece)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = reader.ReadSlice('\n')
		}
		if line != "" {
			if err := each(cleanLine(strings.TrimSuffix(line, "\n"))); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
