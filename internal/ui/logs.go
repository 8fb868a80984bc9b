package ui

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// LogLine is one line of a container's log.
type LogLine struct {
	Container string
	Version   string // VersionOld or VersionNew where both are there; else empty
	Text      string // harmless already: the engine escapes what a terminal obeys
}

// Logs shows the lines of several containers as they come. On a terminal that
// is wide enough the old version has the left half and the new one the right.
type Logs struct {
	out   io.Writer
	size  func() (columns, rows int) // nil: no terminal
	mu    sync.Mutex
	names int  // width of the widest name so far
	both  bool // old and new have been told apart
}

// NewLogs shows lines at an output.
func NewLogs(out io.Writer) *Logs {
	l := &Logs{out: out}
	if file, isFile := out.(*os.File); isFile && isTerminal(file) {
		l.size = func() (int, int) { return terminalSize(file) }
	}
	return l
}

// Know makes room for the name of a container before its first line.
func (l *Logs) Know(container string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names = max(l.names, widthOf(clean(container)))
}

// Line shows one line. It can be called from several goroutines.
func (l *Logs) Line(line LogLine) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names = max(l.names, widthOf(clean(line.Container)))
	width := unlimited
	if l.size != nil {
		width, _ = l.size()
	}
	var text strings.Builder
	if line.Version != "" && !l.both {
		l.both = true
		if width >= sideBySide && width < unlimited {
			text.WriteString(halves("OLD", "NEW", width) + "\n")
		}
	}
	for _, row := range logRows(line, l.names, width) {
		text.WriteString(row + "\n")
	}
	_, err := io.WriteString(l.out, text.String())
	return err
}

// sideBySide is the width from which two columns can be read.
const sideBySide = 120

// logRows lays a line out. It is one row with the container before it, unless
// old and new stand side by side: there it is broken into the half that it has.
func logRows(line LogLine, names, width int) []string {
	name := clean(line.Container)
	if line.Version == "" || width < sideBySide || width >= unlimited {
		label := padded(name, names, true)
		if line.Version != "" {
			label += " " + line.Version
		}
		return []string{label + " | " + line.Text}
	}
	var rows []string
	text := name + " | " + strings.ReplaceAll(line.Text, "\t", "    ")
	for i, part := range broken(text, (width-3)/2, widthOf(name)+3) {
		if i > 0 {
			part = strings.Repeat(" ", widthOf(name)) + " | " + part
		}
		if line.Version == VersionOld {
			rows = append(rows, halves(part, "", width))
		} else {
			rows = append(rows, halves("", part, width))
		}
	}
	return rows
}

// halves puts two texts side by side.
func halves(left, right string, width int) string {
	half := (width - 3) / 2
	return strings.TrimRight(fmt.Sprintf("%s │ %s", padded(left, half, true), right), " ")
}

// broken breaks a text into parts of at most a width; those after the first
// have less room by an indent.
func broken(text string, width, indent int) []string {
	var parts []string
	var part strings.Builder
	room := width
	for _, r := range text {
		if runeWidth(r) > room {
			parts = append(parts, part.String())
			part.Reset()
			room = max(width-indent, 2)
		}
		part.WriteRune(r)
		room -= runeWidth(r)
	}
	return append(parts, part.String())
}
