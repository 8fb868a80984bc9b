package ui

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

var logTestLines = []LogLine{
	{"shop-api-1", "", "GET / 200"},
	{"shop-worker-1", "", "job 17\tdone"},
	{"shop-api-1", VersionOld, "GET /tours/ 200"},
	{"shop-api-2", VersionNew, "listening on :8000, and a long line follows that says 日本語日本語 and does not fit into half of a terminal of this width"},
	{"shop-worker-1", "", "this one has one version: it goes over the whole of the width, however long it may be, as before " + strings.Repeat("x", 60)},
	{"shop-api-1", VersionOld, "stopping\tnow"},
	{"shop-api-\x1b2", VersionNew, ""},
}

func TestLogsGolden(t *testing.T) {
	var b strings.Builder
	for _, width := range []int{0, 40, 119, 120, 160} {
		var out bytes.Buffer
		l := NewLogs(&out)
		if width > 0 {
			l.size = func() (int, int) { return width, 24 }
		}
		l.Know("shop-worker-1")
		for _, line := range logTestLines {
			if err := l.Line(line); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&b, "--- width %d\n%s", width, out.String())
		for _, row := range strings.Split(out.String(), "\n") {
			if width >= sideBySide && strings.Contains(row, "│") && widthOf(row) > width {
				t.Errorf("width %d: %q has %d columns", width, row, widthOf(row))
			}
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("the name of a container reaches the terminal as it is")
	}
	golden(t, "logs", b.String())
}

// Nothing of a line is lost where it is broken, whatever the name leaves room for.
func TestBrokenLinesAreWhole(t *testing.T) {
	for width := 1; width < 70; width++ {
		line := LogLine{strings.Repeat("n", width), VersionNew, strings.Repeat("0123456789", 20)}
		var text string
		for _, row := range logRows(line, 10, sideBySide) {
			_, part, _ := strings.Cut(row, "│ ")
			if _, after, found := strings.Cut(part, "| "); found {
				part = after
			}
			text += strings.TrimSpace(part)
		}
		if !strings.HasSuffix(text, line.Text) {
			t.Fatalf("a name of %d: %q", width, text)
		}
	}
}
