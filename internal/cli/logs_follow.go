package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"gapless/internal/engine"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// logsPace is how often it is looked whether there are other containers.
const logsPace = time.Second

// looker lists the containers of a project, and logReader reads their logs.
type (
	looker interface {
		Look(ctx context.Context) ([]update.Container, error)
	}
	logReader interface {
		FollowLogs(ctx context.Context, name string, options engine.FollowOptions, each func(line string) error) error
	}
)

// logFollower shows the logs of the containers that are there, and of those
// that come: an update makes new ones, and what is restarted begins anew.
type logFollower struct {
	look     looker
	read     logReader
	shown    *ui.Logs
	err      io.Writer
	services []string // empty: all
	options  engine.FollowOptions
	group    sync.WaitGroup

	mu       sync.Mutex
	versions map[string]string // by name of a container
	followed map[string]bool   // by container and its start
	failures []error
}

func newLogFollower(look looker, read logReader, out, errOut io.Writer, services []string, options engine.FollowOptions) *logFollower {
	return &logFollower{look: look, read: read, shown: ui.NewLogs(out), err: errOut, services: services, options: options, followed: map[string]bool{}}
}

// run shows what is there, and goes on until the context ends unless it is to
// be shown once.
func (f *logFollower) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer f.group.Wait()
	defer cancel(nil)
	for first := true; ; first = false {
		containers, err := f.look.Look(ctx)
		if err != nil && (first || !unavailable(err)) {
			return errors.Join(context.Cause(ctx), err)
		}
		if err == nil {
			f.take(ctx, containers, first, cancel)
		}
		if f.options.Once {
			f.group.Wait()
			return errors.Join(f.failures...)
		}
		if (wallClock{}).Sleep(ctx, logsPace) != nil {
			return context.Cause(ctx)
		}
	}
}

// take follows the containers that are new, and notes which version each is.
func (f *logFollower) take(ctx context.Context, containers []update.Container, first bool, cancel context.CancelCauseFunc) {
	containers = slices.DeleteFunc(containers, func(c update.Container) bool {
		return len(f.services) > 0 && !slices.Contains(f.services, c.Service)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.versions = versionsOf(containers)
	for _, c := range containers {
		f.shown.Know(c.Name)
	}
	for _, c := range containers {
		start := c.ID + c.StartedAt.String()
		if f.followed[start] || !f.options.Once && c.StartedAt.IsZero() {
			continue // one that has not started has nothing to say yet
		}
		f.followed[start] = true
		options := f.options
		if !first {
			options.Tail, options.Since = -1, c.StartedAt.Format(time.RFC3339Nano)
		}
		f.group.Go(func() { f.follow(ctx, c, options, cancel) })
	}
}

// follow shows one container until it ends.
func (f *logFollower) follow(ctx context.Context, c update.Container, options engine.FollowOptions, cancel context.CancelCauseFunc) {
	err := f.read.FollowLogs(ctx, c.Name, options, func(line string) error {
		f.mu.Lock()
		version := f.versions[c.Name]
		f.mu.Unlock()
		err := f.shown.Line(ui.LogLine{Container: c.Name, Version: version, Text: line})
		if err != nil {
			cancel(err) // nobody reads any more
		}
		return err
	})
	gone := errors.Is(err, update.ErrNoContainer) && !f.options.Once
	if err == nil || ctx.Err() != nil || gone {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, err)
	if !f.options.Once {
		fmt.Fprintf(f.err, "gapless: the log of %s: %s\n", escaped(c.Name), escaped(err.Error()))
	}
}

// versionsOf tells old and new containers apart, by name; where all those of a
// service are alike there is nothing to tell.
func versionsOf(containers []update.Container) map[string]string {
	byService := map[string][]update.Container{}
	for _, c := range containers {
		byService[c.Service] = append(byService[c.Service], c)
	}
	versions := map[string]string{}
	for _, own := range byService {
		fresh := newestOf(own)
		for _, c := range own {
			switch {
			case len(fresh) == len(own):
			case slices.ContainsFunc(fresh, func(f update.Container) bool { return f.ID == c.ID }):
				versions[c.Name] = ui.VersionNew
			default:
				versions[c.Name] = ui.VersionOld
			}
		}
	}
	return versions
}
