package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/engine"
	"gapless/internal/update"
)

// logWorld is containers that come and go, and what they say.
type logWorld struct {
	mu         sync.Mutex
	containers []update.Container
	asked      []string // by each follow: name, lines to begin with, since
	say        map[string]chan string
	failing    map[string]error
}

func (w *logWorld) Look(context.Context) ([]update.Container, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.containers), nil
}

// change changes the containers.
func (w *logWorld) change(to func(containers []update.Container) []update.Container) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.containers = to(w.containers)
}

func (w *logWorld) FollowLogs(ctx context.Context, name string, options engine.FollowOptions, each func(string) error) error {
	w.mu.Lock()
	w.asked = append(w.asked, name+" since "+options.Since)
	w.mu.Unlock()
	if err := w.failing[name]; err != nil {
		return err
	}
	for {
		select {
		case line, more := <-w.say[name]:
			if !more {
				return nil
			}
			if err := each(line); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell has a container say something and waits until it was shown.
func (w *logWorld) tell(name, line string) {
	w.say[name] <- line
	synctest.Wait()
}

func newLogWorld() *logWorld {
	return &logWorld{say: map[string]chan string{"api-1": make(chan string), "api-2": make(chan string)}, failing: map[string]error{},
		containers: []update.Container{{Name: "api-1", ID: "a", Service: "api", ImageID: "v1", StartedAt: time.Unix(1, 0), Created: time.Unix(1, 0)}}}
}

// TestLogsFollowAnUpdate: the new container is followed from its start, lines
// say which version they are of, and none comes twice.
func TestLogsFollowAnUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, out := newLogWorld(), &steadyBuffer{}
		f := newLogFollower(world, world, out, out, []string{"api"}, engine.FollowOptions{Tail: 5})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.run(ctx) }()
		synctest.Wait()
		world.tell("api-1", "alone")
		created := update.Container{Name: "api-2", ID: "b", Service: "api", ImageID: "v2", Created: time.Unix(60, 0)}
		other := update.Container{Name: "db-1", ID: "d", Service: "db", StartedAt: time.Unix(1, 0)}
		world.change(func(now []update.Container) []update.Container { return append(now, created, other) })
		time.Sleep(3 * logsPace)
		world.change(func(now []update.Container) []update.Container {
			now[1].StartedAt = time.Unix(61, 0).UTC()
			return now
		})
		time.Sleep(3 * logsPace)
		world.tell("api-2", "hello")
		world.tell("api-1", "bye")
		close(world.say["api-1"])
		world.change(func(now []update.Container) []update.Container { return now[1:] })
		time.Sleep(2 * logsPace)
		world.tell("api-2", "alone again")
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		want := "api-1 | alone\napi-2 new | hello\napi-1 old | bye\napi-2 | alone again\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"api-1 since ", "api-2 since 1970-01-01T00:01:01Z"}, world.asked); diff != "" {
			t.Error(diff)
		}
	})
}

// TestLogsThatCannotBeRead: one that went away meanwhile is no error, another
// is said and ends nothing.
func TestLogsThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, out, errOut := newLogWorld(), &steadyBuffer{}, &steadyBuffer{}
		world.failing["api-1"] = errors.New("the log driver cannot be read")
		world.failing["api-2"] = update.ErrNoContainer
		world.containers = append(world.containers, update.Container{Name: "api-2", ID: "b", Service: "api", StartedAt: time.Unix(2, 0)})
		ctx, cancel := context.WithTimeout(t.Context(), 5*logsPace)
		defer cancel()
		_ = newLogFollower(world, world, out, errOut, nil, engine.FollowOptions{}).run(ctx)
		if got := errOut.String(); strings.Count(got, "the log of api-1: the log driver cannot be read") != 1 || strings.Contains(got, "api-2") {
			t.Errorf("said %q", got)
		}
		once := newLogFollower(world, world, out, errOut, nil, engine.FollowOptions{Once: true})
		if err := once.run(t.Context()); err == nil || !strings.Contains(err.Error(), "the log driver") {
			t.Errorf("once: %v", err)
		}
	})
}

// TestLogsThatNobodyReads end.
func TestLogsThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, errOut := newLogWorld(), &steadyBuffer{}
		ended := make(chan error, 1)
		go func() {
			ended <- newLogFollower(world, world, brokenWriter{}, errOut, nil, engine.FollowOptions{}).run(t.Context())
		}()
		synctest.Wait()
		world.say["api-1"] <- "hello"
		if err := <-ended; !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
	})
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, syscall.EPIPE }
