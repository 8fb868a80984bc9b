package ui

import (
	"fmt"
	"io"
	"strings"
)

// screen redraws the lines at the end of a terminal, and nothing above them.
type screen struct {
	out   io.Writer
	size  func() (columns, rows int)
	color bool
	drawn []int // widths of the lines that are there
}

// styled is a line with the number of its colour in the terms of ECMA-48;
// empty for none.
type styled struct {
	text  string
	color string
}

// narrowest is the width below which lines are cut rather than laid out.
const narrowest = 20

// bounds is the room for drawing: a line that filled the last row would
// scroll the first one out of reach.
func (s *screen) bounds() (columns, rows int) {
	columns, rows = s.size()
	return max(columns, narrowest), max(rows-2, 4)
}

// draw replaces the lines that were drawn before.
func (s *screen) draw(lines []styled) {
	var b strings.Builder
	b.WriteString(s.home())
	columns, _ := s.bounds()
	s.drawn = nil
	for _, line := range lines {
		text := fit(line.text, columns-1)
		s.drawn = append(s.drawn, widthOf(text))
		b.WriteString(s.paint(text, line.color) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(s.out, b.String())
}

// home moves to the first line that was drawn. A terminal that became
// narrower since has broken lines in two.
func (s *screen) home() string {
	columns, _ := s.bounds()
	rows := 0
	for _, width := range s.drawn {
		rows += max(1, (width+columns-1)/columns)
	}
	if rows == 0 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", rows)
}

// print puts a line above the drawn ones, to stay.
func (s *screen) print(text string) {
	if text == "" {
		return
	}
	_, _ = io.WriteString(s.out, s.home()+"\x1b[J"+text+"\n")
	s.drawn = nil
}

// leave lets the drawn lines stay as they are.
func (s *screen) leave() { s.drawn = nil }

func (s *screen) paint(text, color string) string {
	if !s.color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
