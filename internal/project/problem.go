package project

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one fault in the input, with its place and the way out.
type Problem struct {
	File    string
	Line    int // 1-based, 0 when the place is not known
	Column  int
	Path    string // services.api.ports.0
	Message string
	Hint    string
}

// InputError carries everything that is wrong with the input, not only the
// first fault.
type InputError struct {
	Problems []Problem
}

// Error prints one `file:line:column: message` line per problem, with its hint
// on the next line. Control characters are escaped.
func (e *InputError) Error() string {
	var text strings.Builder
	for i, problem := range e.Problems {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(problem.String())
	}
	return text.String()
}

// String prints the problem and its hint.
func (p Problem) String() string {
	text := p.place() + p.Message
	if p.Hint != "" {
		text += "\n  hint: " + p.Hint
	}
	return escapeControl(text)
}

func (p Problem) place() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File + ": "
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: ", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
}

// mostProblems is more than anybody reads at once; a hostile file has more.
const mostProblems = 200

// problems collects faults so that a user sees all of them at once.
type problems struct {
	list []Problem
}

func (c *problems) add(place position, path, hint, format string, args ...any) {
	if len(c.list) >= mostProblems {
		return
	}
	c.list = append(c.list, Problem{
		File: place.file, Line: place.line, Column: place.column,
		Path: path, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// sorted returns the problems by place, without repetitions.
func (c *problems) sorted() []Problem {
	list := slices.Clone(c.list)
	slices.SortStableFunc(list, func(a, b Problem) int {
		if order := strings.Compare(a.File, b.File); order != 0 {
			return order
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.CompactFunc(list, func(a, b Problem) bool {
		return a.File == b.File && a.Line == b.Line && a.Message == b.Message
	})
}

func (c *problems) err() error {
	if len(c.list) == 0 {
		return nil
	}
	return &InputError{Problems: c.sorted()}
}

// escapeControl keeps a hostile file from writing to the terminal: everything
// that is not printable, except the newlines that we print ourselves, is
// shown as an escape.
func escapeControl(text string) string {
	var out strings.Builder
	for _, char := range text {
		if char == '\n' || (char >= ' ' && char != 0x7f && !isInvisible(char)) {
			out.WriteRune(char)
			continue
		}
		if char < 0x80 {
			fmt.Fprintf(&out, `\x%02x`, char)
			continue
		}
		fmt.Fprintf(&out, `\u%04x`, char)
	}
	return out.String()
}

// isInvisible tells the C1 controls and the characters that reorder or hide text.
func isInvisible(char rune) bool {
	switch {
	case char >= 0x80 && char < 0xa0,
		char >= 0x200b && char <= 0x200f,
		char >= 0x202a && char <= 0x202e,
		char >= 0x2066 && char <= 0x2069,
		char == 0xfeff, char == 0xfffd:
		return true
	}
	return false
}
