package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// topTestSample is an application in the middle of an update.
func topTestSample() TopSample {
	traffic := func(perSecond float64, errors, failed int64) *TopTraffic {
		return &TopTraffic{PerSecond: perSecond, ServerErrors: errors, Failed: failed, InFlight: 3,
			P50Millis: new(4.2), P95Millis: new(41.0), P99Millis: new(1250.0), RequestsTotal: 12_000}
	}
	one := func(name, state string) []TopContainer { return []TopContainer{{Name: name, State: state}} }
	memory := func(mib int64) *int64 { return new(mib << 20) }
	all := traffic(1204, 2, 0)
	all.HeldNow = 12
	return TopSample{Project: "shop", Time: testStart, Release: 42, Working: "update 42 -> 43, step 3 of 5: gate shop-api-2",
		Edge: "running", WindowSeconds: 10, Traffic: all, Services: []TopService{
			{Service: "api", Role: "web", Versions: []TopVersion{
				{Version: "old", Generation: "42", Containers: append(one("shop-api-1", "running"), one("shop-api-3", "exited (0)")...), Traffic: traffic(1200, 0, 0), MemoryBytes: memory(108)},
				{Version: "new", Generation: "43", Containers: one("shop-api-2", "running"), Traffic: traffic(4.25, 2, 0), MemoryBytes: memory(112)},
			}},
			{Service: "db\x1b[2J", Role: "stateful", Versions: []TopVersion{{Containers: one("shop-db-1\u202e", "running"), MemoryBytes: memory(2048)}}},
			{Service: "worker", Role: "worker", Versions: []TopVersion{{Containers: one("shop-worker-1", "restarting")}}},
			{Service: "cron", Role: "scheduler"},
			{Service: "migrate", Role: "job", Versions: []TopVersion{{Containers: one("shop-migrate-1", "exited (0)")}}},
		}}
}

func TestTopGolden(t *testing.T) {
	quiet := TopSample{Project: "shop", Time: testStart, Edge: "not running", Services: []TopService{{Service: "api", Versions: []TopVersion{{Containers: []TopContainer{{Name: "shop-api-1", State: "running"}}}}}}}
	var b strings.Builder
	for _, size := range []struct{ width, height int }{{unlimited, unlimited}, {200, 24}, {100, 24}, {80, 24}, {60, 24}, {40, 24}, {12, 24}, {80, 5}} {
		for _, sample := range []TopSample{topTestSample(), quiet} {
			fmt.Fprintf(&b, "--- %d x %d\n", size.width, size.height)
			lines := topLines(sample, size.width, size.height)
			if len(lines) > size.height {
				t.Errorf("%d lines in a height of %d", len(lines), size.height)
			}
			for _, line := range lines {
				if widthOf(line.text) > size.width {
					t.Errorf("%q is wider than %d", line.text, size.width)
				}
				if strings.ContainsAny(line.text, "\x1b\u202e") {
					t.Errorf("%q has what a terminal obeys", line.text)
				}
				fmt.Fprintf(&b, "%2s|%s\n", line.color, line.text)
			}
		}
	}
	golden(t, "top", b.String())
}

// No size of a terminal is too small, and every line fits into it.
func TestTopInAnySize(t *testing.T) {
	for width := range 140 {
		for height := range 12 {
			for _, line := range topLines(topTestSample(), width, height) {
				if widthOf(line.text) > max(width, 1) {
					t.Fatalf("%d x %d: %q", width, height, line.text)
				}
			}
		}
	}
}

func TestTopJSON(t *testing.T) {
	var out bytes.Buffer
	if err := PrintTopJSON(&out, topTestSample()); err != nil {
		t.Fatal(err)
	}
	golden(t, "top.json", out.String())
}

// pseudoTerminal is both ends of one: what a person sees and types at, and
// what a program has.
func pseudoTerminal(t *testing.T, columns, rows uint16) (person, program *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	person = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
	return person, program
}

// seen reads what the program draws until a text is there.
func seen(t *testing.T, person *os.File, text string) string {
	t.Helper()
	var all []byte
	piece := make([]byte, 4096)
	_ = person.SetReadDeadline(time.Now().Add(20 * time.Second))
	for !bytes.Contains(all, []byte(text)) {
		n, err := person.Read(piece)
		if err != nil {
			t.Fatalf("%v before %q came:\n%q", err, text, all)
		}
		all = append(all, piece[:n]...)
	}
	return string(all)
}

// However top ends, the terminal is as it was before.
func TestTopGivesTheTerminalBack(t *testing.T) {
	for name, end := range map[string]struct {
		act    func(person *os.File)
		sample func() (TopSample, error)
		want   error
		panics bool
	}{
		"q":       {act: func(person *os.File) { person.WriteString("xq") }},
		"Ctrl-C":  {act: func(person *os.File) { person.WriteString("\x03") }},
		"SIGTERM": {act: func(*os.File) { syscall.Kill(os.Getpid(), syscall.SIGTERM) }, want: ErrTerminated},
		"SIGHUP":  {act: func(*os.File) { syscall.Kill(os.Getpid(), syscall.SIGHUP) }, want: ErrTerminated},
		"panic":   {sample: func() (TopSample, error) { panic("a bug") }, panics: true},
	} {
		t.Run(name, func(t *testing.T) {
			person, program := pseudoTerminal(t, 80, 24)
			before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if end.sample == nil {
				end.sample = func() (TopSample, error) { return topTestSample(), nil }
			}
			ended := make(chan error, 1)
			go func() {
				defer func() {
					if cause := recover(); cause != nil {
						ended <- fmt.Errorf("panic: %v", cause)
					}
				}()
				ended <- ShowTop(context.Background(), TopOptions{In: program, Out: program, Project: "shop", Every: time.Millisecond,
					Getenv: func(string) string { return "" }, Sample: func(context.Context) (TopSample, error) { return end.sample() }})
			}()
			if end.act != nil {
				seen(t, person, "shop-api-2")
				during, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
				if err != nil || during.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 {
					t.Errorf("%v: keys are shown, or wait for a line", err)
				}
				end.act(person)
			}
			seen(t, person, leaveScreen)
			got := <-ended
			if end.panics != (got != nil && strings.HasPrefix(got.Error(), "panic: a bug")) || !end.panics && !errors.Is(got, end.want) {
				t.Errorf("ended with %v", got)
			}
			after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil || *after != *before {
				t.Errorf("%v: the terminal was %+v and is %+v", err, before, after)
			}
		})
	}
}

// Figures that cannot be had any more stay on the screen, with the reason.
func TestTopSaysWhatGoesWrong(t *testing.T) {
	person, program := pseudoTerminal(t, 80, 24)
	looks := 0
	ended := make(chan error, 1)
	go func() {
		ended <- ShowTop(context.Background(), TopOptions{In: program, Out: program, Project: "shop", Every: time.Millisecond,
			Getenv: func(name string) string { return map[string]string{"NO_COLOR": "1"}[name] },
			Sample: func(context.Context) (TopSample, error) {
				if looks++; looks > 1 {
					return TopSample{}, errors.New("the engine is away\x1b[2J")
				}
				return topTestSample(), nil
			}})
	}()
	shown := seen(t, person, `no new figures: the engine is away\x1b[2J`)
	if !strings.Contains(shown, "shop-api-2") || strings.Contains(shown, "\x1b[3") {
		t.Errorf("shown: %q", shown)
	}
	person.WriteString("q")
	seen(t, person, leaveScreen)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
