package project

import (
	"fmt"
	"strings"
)

// diffContext is the number of unchanged lines around a change.
const diffContext = 3

// unifiedDiff shows edits in the format of `diff -u`.
func unifiedDiff(name string, content []byte, edits []Edit) string {
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	var text strings.Builder
	fmt.Fprintf(&text, "--- %s\n+++ %s\n", name, name)
	shift := 0
	for start := 0; start < len(edits); {
		stop := start + 1
		for stop < len(edits) && edits[stop].First-after(edits[stop-1]) <= 2*diffContext {
			stop++
		}
		shift += writeHunk(&text, lines, edits[start:stop], shift)
		start = stop
	}
	return text.String()
}

// after returns the first line behind an edit.
func after(edit Edit) int { return edit.First + edit.Count }

// writeHunk writes neighbouring edits and returns how many lines they add.
func writeHunk(text *strings.Builder, lines []string, edits []Edit, shift int) int {
	first := max(1, edits[0].First-diffContext)
	last := min(len(lines), after(edits[len(edits)-1])+diffContext-1)
	var body strings.Builder
	added, next := 0, first
	keep := func(until int) {
		for ; next < until && next <= len(lines); next++ {
			body.WriteString(" " + lines[next-1] + "\n")
		}
	}
	for _, edit := range edits {
		keep(edit.First)
		for ; next < after(edit) && next <= len(lines); next++ {
			body.WriteString("-" + lines[next-1] + "\n")
		}
		for _, line := range edit.Lines {
			body.WriteString("+" + line + "\n")
		}
		added += len(edit.Lines) - edit.Count
	}
	keep(last + 1)
	old := last - first + 1
	fmt.Fprintf(text, "@@ -%d,%d +%d,%d @@\n%s", first, old, first+shift, old+added, body.String())
	return added
}
