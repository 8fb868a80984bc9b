package ui

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"gapless/internal/update"
)

// Outcome is how a run ended.
type Outcome struct {
	Run     string
	Receipt update.Receipt
	Failure *Failure // nil if all went well
}

// Failure tells all that a human needs after a run that failed.
type Failure struct {
	Err    error         // a *update.GateError inside tells the last answer and the log
	Step   int           // counted from 1; 0 if it was no step
	Line   update.Line   // of the step
	Undone []update.Line // in the order in which they were undone
	Serves string        // what serves now, after a fresh probe
	Next   []string      // commands to go on with
}

// maxLogLines is how much of a container's log is told.
const maxLogLines = 20

// FailureText tells why a run failed, what was undone and what serves now.
func FailureText(f *Failure, redactor *Redactor) string { return words{redactor}.failure(f) }

func (w words) failure(f *Failure) string {
	var b strings.Builder
	if f.Step > 0 {
		fmt.Fprintf(&b, "failed at step %d: %s %s\n", f.Step, w.show(f.Line.Verb), w.show(f.Line.Object))
	} else {
		fmt.Fprintln(&b, "failed")
	}
	var gate *update.GateError
	if errors.As(f.Err, &gate) {
		w.gateFailure(&b, gate)
	} else if f.Err != nil {
		for i, line := range strings.Split(f.Err.Error(), "\n") {
			fmt.Fprintf(&b, "  %-9s %s\n", label("why", i), w.show(line))
		}
	}
	for i, line := range f.Undone {
		fmt.Fprintf(&b, "  %-9s %s %s\n", label("undone", i), w.show(line.Verb), w.show(line.Object))
	}
	if len(f.Undone) == 0 {
		fmt.Fprintln(&b, "  undone    nothing")
	}
	serves := f.Serves
	if serves == "" {
		serves = "not known: no fresh probe was made"
	}
	fmt.Fprintf(&b, "  serves    %s\n", w.show(serves))
	for i, command := range f.Next {
		fmt.Fprintf(&b, "  %-9s %s\n", label("next", i), w.show(command))
	}
	return b.String()
}

func (w words) gateFailure(b *strings.Builder, gate *update.GateError) {
	kind := "gate"
	if gate.Ended {
		kind = "why"
	}
	fmt.Fprintf(b, "  %-9s %s %s\n", kind, w.show(gate.Container), w.show(gate.Reason))
	if !gate.Ended {
		fmt.Fprintf(b, "  last      %s\n", w.show(cmp.Or(gate.Last, "it never answered")))
	}
	lines := gate.Logs[max(0, len(gate.Logs)-maxLogLines):]
	if len(lines) == 0 {
		fmt.Fprintln(b, "  log       empty")
	}
	for i, line := range lines {
		fmt.Fprintf(b, "  %-9s | %s\n", label("log", i), w.show(line))
	}
}

// label names the first line of several.
func label(name string, index int) string {
	if index > 0 {
		return ""
	}
	return name
}
