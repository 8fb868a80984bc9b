package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

// TopOptions say what is shown and how it is found out.
type TopOptions struct {
	In, Out *os.File
	Project string
	Color   string // as in Options
	Getenv  func(variable string) string
	Every   time.Duration
	Sample  func(ctx context.Context) (TopSample, error)
}

// ErrTerminated says that a signal ended what was shown.
var ErrTerminated = errors.New("ended by a signal")

// CanShowTop tells whether there is a terminal for a full screen.
func CanShowTop(out any, getenv func(string) string) bool {
	file, isFile := out.(*os.File)
	return isFile && isTerminal(file) && getenv("TERM") != "dumb"
}

// top is a full screen that shows samples.
type top struct {
	options TopOptions
	screen  *fullScreen
	sample  TopSample
	trouble string
}

// sampled is what a look brought, which may be a panic.
type sampled struct {
	sample TopSample
	err    error
	panic  any
}

// ShowTop shows samples until q, Ctrl-C or a signal. However it ends, by a
// panic too, the terminal is as before.
func ShowTop(ctx context.Context, options TopOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGWINCH)
	defer signal.Stop(signals)
	color := wantsColor(Options{Color: options.Color, Getenv: options.Getenv})
	screen, err := enterFullScreen(options.In, options.Out, color)
	if err != nil {
		return err
	}
	defer screen.leave()
	t := &top{options: options, screen: screen, sample: TopSample{Project: options.Project, Edge: "looking", Time: time.Now()}}
	if err := t.draw(); err != nil {
		return err
	}
	return t.run(ctx, keysOf(options.In), signals, t.look(ctx))
}

// run shows what comes until somebody wants to leave.
func (t *top) run(ctx context.Context, keys <-chan byte, signals <-chan os.Signal, samples <-chan sampled) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case key, open := <-keys:
			if !open {
				keys = nil // no more keys: a signal ends it
			}
			if open && leaves(key) {
				return nil
			}
		case got := <-signals:
			if got == syscall.SIGINT {
				return nil
			}
			if got != syscall.SIGWINCH {
				return ErrTerminated
			}
		case got := <-samples:
			t.take(got)
		}
		if err := t.draw(); err != nil {
			return err
		}
	}
}

// leaves tells the keys that end it: q, Ctrl-C and Ctrl-D.
func leaves(key byte) bool { return key == 'q' || key == 'Q' || key == 3 || key == 4 }

// take keeps the last good sample beside what goes wrong since.
func (t *top) take(got sampled) {
	switch {
	case got.panic != nil:
		panic(got.panic)
	case got.err != nil:
		t.trouble = "no new figures: " + clean(got.err.Error())
	default:
		t.sample, t.trouble = got.sample, ""
	}
}

func (t *top) draw() error {
	columns, rows := terminalSize(t.options.Out)
	foot := styled{text: "q leaves", color: "2"}
	if t.trouble != "" {
		foot = styled{text: t.trouble, color: "31"}
	}
	foot.text = fit(foot.text, max(columns, 1))
	return t.screen.draw(append(topLines(t.sample, columns, rows-1), foot))
}

// look samples beside the screen, so that an engine that is slow delays no
// key. A panic is handed over: its own goroutine could not leave the screen.
func (t *top) look(ctx context.Context) <-chan sampled {
	samples := make(chan sampled)
	once := func() (got sampled) {
		defer func() {
			if cause := recover(); cause != nil {
				got.panic = fmt.Sprintf("%v\n%s", cause, debug.Stack())
			}
		}()
		got.sample, got.err = t.options.Sample(ctx)
		return got
	}
	go func() {
		ticker := time.NewTicker(t.options.Every)
		defer ticker.Stop()
		for {
			select {
			case samples <- once():
			case <-ctx.Done():
				return
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return samples
}

// keysOf hands over what is typed. The read ends with the program.
func keysOf(in *os.File) <-chan byte {
	keys := make(chan byte)
	go func() {
		defer close(keys)
		one := make([]byte, 1)
		for {
			if n, err := in.Read(one); n == 0 || err != nil {
				return
			}
			keys <- one[0]
		}
	}()
	return keys
}
