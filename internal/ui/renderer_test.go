package ui

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"gapless/internal/update"
)

// stuckWriter takes nothing until it is let go.
type stuckWriter struct{ release chan struct{} }

func (s *stuckWriter) Write(content []byte) (int, error) {
	<-s.release
	return len(content), nil
}

func TestEmitDoesNotWaitForTheReader(t *testing.T) {
	stuck := &stuckWriter{make(chan struct{})}
	renderer, err := New(Options{Mode: ModeJSON, Progress: stuck})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		for range 20_000 {
			renderer.Emit(update.Event{Kind: update.EventProbe, Probe: &update.Probe{}})
		}
	}()
	select {
	case <-told: // although the reader takes nothing
	case <-time.After(time.Minute):
		t.Fatal("it waits for the reader")
	}
	if len(renderer.queue) > crowded {
		t.Errorf("%d events wait", len(renderer.queue))
	}
	close(stuck.release)
	if err := renderer.Close(); err != nil {
		t.Error(err)
	}
	renderer.Emit(update.Event{}) // after Close: nothing
	_ = renderer.Close()
}

func TestCloseShowsEverything(t *testing.T) {
	var out bytes.Buffer
	renderer, err := New(Options{Mode: ModePlain, Progress: &out})
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		renderer.Emit(update.Event{Kind: update.EventNotice, Text: "notice"})
	}
	if err := renderer.Close(); err != nil || strings.Count(out.String(), "notice\n") != 500 {
		t.Errorf("%v, %d lines", err, strings.Count(out.String(), "\n"))
	}
}

func TestReaderThatWentAway(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	show(t, Options{Mode: ModeJSON, Progress: writer}, success())
	full, err := New(Options{Mode: ModePlain, Progress: failingWriter{syscall.ENOSPC}})
	if err != nil {
		t.Fatal(err)
	}
	full.Emit(update.Event{Kind: update.EventNotice, Text: "x"})
	if err := full.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk gives %v", err)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func TestUnknownMode(t *testing.T) {
	if _, err := New(Options{Mode: "loud"}); err == nil || !strings.Contains(err.Error(), "use auto, tty, plain") {
		t.Errorf("got %v", err)
	}
}

func TestReceipt(t *testing.T) {
	const want = `shop 42 -> 43 in 8.4 s, rolling
  traffic   12,431 requests: 0 failed, 212 held (longest 840 ms)
  gap       0 ms, by 168 probes through http://127.0.0.1/health/
  latency   p95 41 -> 44 -> 40 ms (before, during, after)
  memory    peak +108 MiB
`
	if got := Receipt(fullReceipt()); got != want {
		t.Errorf("got\n%s", got)
	}
	paged := fullReceipt()
	paged.Paged, paged.PagedMillis = new(int64(41)), new(12_340.0)
	if got := Receipt(paged); !strings.Contains(got, "(longest 840 ms)\n  page      41 requests got the maintenance page, which was up for 12.3 s\n  gap ") {
		t.Errorf("got\n%s", got)
	}
	paged.Paged, paged.PagedMillis = new(int64(0)), new(0.0)
	if got := Receipt(paged); got != want {
		t.Errorf("without a page:\n%s", got)
	}
	const nothing = `shop none -> 1 HELD after 1 min 5 s, quick: it needs a human
  traffic   not measured
  gap       not measured
  latency   not measured
  memory    not measured
`
	if got := Receipt(update.Receipt{Project: "shop", To: 1, Strategy: "quick", Result: update.ResultHeld, DurationMillis: 65_000}); got != nothing {
		t.Errorf("got\n%s", got)
	}
	part := update.Receipt{Requests: new(int64(1)), P95DuringMillis: new(4.24)}
	if got := Receipt(part); !strings.Contains(got, "1 request: failed not measured, held not measured") ||
		!strings.Contains(got, "p95 not measured -> 4.2 ms -> not measured (before") {
		t.Errorf("got\n%s", got)
	}
}
