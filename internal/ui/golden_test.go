package ui

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/update"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// replay shows a recording with a tick each 200 ms, as a renderer does.
func (r recording) replay(p painter, after func(update.Event)) {
	now := testStart
	p.start(now)
	for _, event := range r.events {
		for event.Time.Sub(now) >= tickEvery {
			now = now.Add(tickEvery)
			p.tick(now)
		}
		p.event(event)
		if after != nil {
			after(event)
		}
	}
	p.finish(r.outcome)
}

func testTraffic() *TrafficFigures {
	return &TrafficFigures{PerSecond: 124, Requests: 1000, Held: 212, HeldNow: 3, P95Millis: new(41.0)}
}

func options(r recording, columns int) Options {
	return Options{Plan: r.plan, Traffic: testTraffic, Getenv: func(string) string { return "" },
		Size: func() (int, int) { return columns, 24 }}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

var testWords = words{NewRedactor()}

func TestPlainGolden(t *testing.T) {
	for name, r := range recordings() {
		var out bytes.Buffer
		r.replay(newPlain(testWords, &out, &out, options(r, 80)), nil)
		golden(t, name+".plain", out.String())
	}
}

func TestQuietGolden(t *testing.T) {
	for name, r := range recordings() {
		var out bytes.Buffer
		r.replay(&quietPainter{words: testWords, progress: &out, result: &out, plan: r.plan}, nil)
		golden(t, name+".quiet", out.String())
	}
}

func TestJSONGolden(t *testing.T) {
	for name, r := range recordings() {
		var out bytes.Buffer
		r.replay(newJSON(testWords, &out, options(r, 80)), nil)
		var kept []string
		for i, line := range strings.SplitAfter(strings.TrimSuffix(out.String(), "\n"), "\n") {
			var head struct{ Type string }
			if err := json.Unmarshal([]byte(line), &head); err != nil {
				t.Fatalf("%s, line %d: %v", name, i+1, err)
			}
			repeated := len(kept) > 30 && (head.Type == "probe" || head.Type == "traffic")
			if !repeated {
				kept = append(kept, line)
			}
		}
		golden(t, name+".json", strings.Join(kept, "")+"\n")
	}
}

// The screen is kept at the steps and at the end, for narrow and wide terminals.
func TestTTYGolden(t *testing.T) {
	for name, r := range recordings() {
		for _, columns := range []int{40, 80, 200} {
			screen := &terminal{columns: columns}
			var kept strings.Builder
			last := update.EventKind("")
			r.replay(newTTY(testWords, screen, screen, options(r, columns), true), func(event update.Event) {
				if event.Kind != last {
					fmt.Fprintf(&kept, "--- %s, %d columns\n%s", event.Kind, columns, screen)
				}
				last = event.Kind
			})
			fmt.Fprintf(&kept, "--- end, %d columns\n%s", columns, screen)
			if len(screen.odd) > 0 {
				t.Errorf("%s: the terminal was sent %q", name, screen.odd)
			}
			golden(t, fmt.Sprintf("%s.tty%d", name, columns), kept.String())
		}
	}
}

// A checklist that is higher than the terminal shows the part at work.
func TestTTYInALowTerminal(t *testing.T) {
	r := success()
	screen := &terminal{columns: 120, rows: 6}
	fmt.Fprintln(screen, "what stands above")
	o := options(r, 0)
	o.Size = func() (int, int) { return 120, 6 }
	r.replay(newTTY(testWords, screen, io.Discard, o, false), func(event update.Event) {
		if event.Kind == update.EventProbe && !strings.Contains(screen.String(), "3 gate") {
			t.Fatalf("the gate is not shown:\n%s", screen)
		}
	})
	if len(screen.odd) > 0 || !strings.HasPrefix(screen.String(), "what stands above\n") {
		t.Errorf("the terminal was sent %q:\n%s", screen.odd, screen)
	}
}

// A terminal that became narrower has broken lines in two; all of them are
// replaced, and nothing above them.
func TestScreenThatBecameNarrower(t *testing.T) {
	columns := 80
	var out bytes.Buffer
	s := &screen{out: &out, size: func() (int, int) { return columns, 24 }}
	s.draw([]styled{{text: strings.Repeat("x", 70)}, {text: "short"}})
	columns = 30
	out.Reset()
	s.draw([]styled{{text: "next"}})
	if !strings.HasPrefix(out.String(), "\r\x1b[4A") {
		t.Errorf("wrote %q", out.String())
	}
}

func TestColorOnlyWhenWanted(t *testing.T) {
	for _, test := range []struct {
		color, noColor string
		want           bool
	}{{"", "", true}, {"auto", "1", false}, {"never", "", false}, {"always", "1", true}} {
		var out bytes.Buffer
		o := options(success(), 80)
		o.Progress, o.Color = &out, test.color
		o.Getenv = func(variable string) string {
			if variable == "NO_COLOR" {
				return test.noColor
			}
			return ""
		}
		show(t, o, success())
		if got := strings.Contains(out.String(), "\x1b[3"); got != test.want {
			t.Errorf("%+v: colours %v", test, got)
		}
	}
}

func TestPlainWhereATerminalCannotRedraw(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no terminal": func(o *Options) { o.Size = nil },
		"dumb":        func(o *Options) { o.Getenv = func(string) string { return "dumb" } },
	} {
		var out bytes.Buffer
		o := options(success(), 80)
		o.Progress, o.Mode = &out, ModeTTY
		change(&o)
		show(t, o, success())
		if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "step 1/5 build api: done") {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}

// show sends a recording through a whole renderer.
func show(t *testing.T, o Options, r recording) {
	t.Helper()
	renderer, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range r.events {
		renderer.Emit(event)
	}
	renderer.Finish(r.outcome)
	if err := renderer.Close(); err != nil {
		t.Error(err)
	}
}

func TestHeartbeat(t *testing.T) {
	var out bytes.Buffer
	p := newPlain(testWords, &out, &out, options(success(), 80))
	p.start(testStart)
	out.Reset()
	for i := range 10 * 61 {
		p.tick(testStart.Add(time.Duration(i) * 100 * time.Millisecond))
	}
	if lines := strings.Count(out.String(), "\n"); lines != 2 {
		t.Errorf("a minute of silence has %d lines:\n%s", lines, out.String())
	}
}
