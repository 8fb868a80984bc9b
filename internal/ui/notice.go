package ui

import (
	"fmt"
	"strings"

	"gapless/internal/update"
)

// Ended is how a run ended, as far as it is to be told.
type Ended struct {
	Receipt update.Receipt
	Why     string   // it was undone, held or not begun; empty if all went well
	Later   []string // what went wrong after that was decided
	Next    []string // commands to go on with
}

// Notice tells how a run ended: a title of one line, and the rest.
func Notice(e Ended, redactor *Redactor) (title, text string) { return words{redactor}.notice(e) }

func (w words) notice(e Ended) (title, text string) {
	var b strings.Builder
	lines := func(name, text string) {
		for i, line := range strings.Split(text, "\n") {
			fmt.Fprintf(&b, "%-9s %s\n", label(name, i), w.show(line))
		}
	}
	lines("what", e.Receipt.Reason)
	if e.Why != "" {
		lines("why", e.Why)
	}
	for _, later := range e.Later {
		lines("then", later)
	}
	fmt.Fprintf(&b, "traffic   %s\n", w.traffic(e.Receipt))
	if page := page(e.Receipt); page != "" {
		fmt.Fprintf(&b, "page      %s\n", page)
	}
	fmt.Fprintf(&b, "gap       %s\n", w.gap(e.Receipt))
	for _, waiting := range e.Receipt.Waiting {
		fmt.Fprintf(&b, "waits     %s: gapless migrations contract\n", w.show(waiting))
	}
	for i, command := range e.Next {
		fmt.Fprintf(&b, "%-9s %s\n", label("next", i), w.show(command))
	}
	return w.receiptHead(e.Receipt), strings.TrimSuffix(b.String(), "\n")
}
