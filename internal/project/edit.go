package project

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"
)

// Edit replaces a range of lines of one file. Lines outside of it keep every
// byte.
type Edit struct {
	File       string
	First      int      // 1-based line
	Count      int      // lines that are replaced, 0 to insert before First
	Lines      []string // new lines without line ends
	Why        string   // one sentence for the user
	beforeHash []byte
}

// ErrChanged is returned when a file is not the one that the edits were made for.
var ErrChanged = errors.New("the compose file has changed since it was read: run it again")

// applyEdits returns the content with the edits of one file applied.
func applyEdits(content []byte, edits []Edit) []byte {
	lines := bytes.SplitAfter(content, []byte("\n"))
	end := "\n"
	if bytes.Contains(content, []byte("\r\n")) {
		end = "\r\n"
	}
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int {
		if a.First != b.First {
			return b.First - a.First
		}
		return b.Count - a.Count // replace the line, then insert before it
	})
	for _, edit := range sorted {
		var fresh [][]byte
		for _, line := range edit.Lines {
			fresh = append(fresh, []byte(line+end))
		}
		first := min(edit.First-1, len(lines))
		last := min(first+edit.Count, len(lines))
		lines = slices.Replace(lines, first, last, fresh...)
	}
	return bytes.Join(lines, nil)
}

// runeOffset converts a 1-based column, which the parser counts in characters,
// to an offset in bytes.
func runeOffset(line string, column int) int {
	offset := 0
	for range column - 1 {
		_, size := utf8.DecodeRuneInString(line[offset:])
		offset += size
	}
	return offset
}
