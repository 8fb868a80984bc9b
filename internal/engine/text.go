package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapeControl makes text of containers harmless for a terminal: control
// characters become visible escapes, a tab stays.
func escapeControl(text string) string {
	clean := func(r rune) bool { return r == '\t' || unicode.IsPrint(r) }
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !clean(r) }) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !utf8.ValidString(text[i:min(len(text), i+utf8.RuneLen(r))]):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case clean(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// maximumLine bounds one line of output.
const maximumLine = 8 << 10

// cleanLine makes one line of output fit to be shown: without the carriage
// returns of progress bars, bounded, harmless.
func cleanLine(line string) string {
	line = strings.TrimRight(line, "\r")
	if at := strings.LastIndexByte(line, '\r'); at >= 0 {
		line = line[at+1:]
	}
	if len(line) > maximumLine {
		line = line[:maximumLine] + "..."
	}
	return escapeControl(line)
}

// tailLines returns the last lines that are not empty.
func tailLines(text string, count int) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = cleanLine(strings.TrimSuffix(line, "\n")); strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-count):]
}

// sortedKeys lists the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
