package ui

import (
	"strconv"
	"strings"
	"testing"
)

// terminal understands what a screen writes, as a real one would.
type terminal struct {
	columns int
	rows    int // 0: as many as it takes
	lines   [][]rune
	row     int
	column  int
	odd     []string // sequences that a screen must not write
}

func (t *terminal) Write(content []byte) (int, error) {
	text := []rune(string(content))
	for i := 0; i < len(text); i++ {
		switch r := text[i]; {
		case r == '\x1b':
			end := i + 2
			for end < len(text) && (text[end] == ';' || text[end] >= '0' && text[end] <= '9') {
				end++
			}
			t.sequence(string(text[i+2:end]), text[end])
			i = end
		case r == '\n':
			t.row, t.column = t.row+1, 0
		case r == '\r':
			t.column = 0
		case r < ' ':
			t.odd = append(t.odd, strconv.QuoteRune(r))
		default:
			t.put(r)
		}
	}
	return len(content), nil
}

func (t *terminal) put(r rune) {
	if t.column+runeWidth(r) > t.columns {
		t.row, t.column = t.row+1, 0
	}
	t.grow()
	for len(t.lines[t.row]) <= t.column {
		t.lines[t.row] = append(t.lines[t.row], ' ')
	}
	t.lines[t.row][t.column] = r
	t.column += runeWidth(r)
}

func (t *terminal) grow() {
	for len(t.lines) <= t.row {
		t.lines = append(t.lines, nil)
	}
}

func (t *terminal) sequence(number string, kind rune) {
	t.grow()
	switch kind {
	case 'A':
		count, _ := strconv.Atoi(number)
		top := 0
		if t.rows > 0 {
			top = max(0, len(t.lines)-t.rows)
		}
		if t.row -= count; t.row < top {
			t.odd = append(t.odd, "above the top")
			t.row = top
		}
	case 'K':
		t.lines[t.row] = t.lines[t.row][:min(t.column, len(t.lines[t.row]))]
	case 'J':
		t.lines = t.lines[:t.row+1]
		t.lines[t.row] = t.lines[t.row][:min(t.column, len(t.lines[t.row]))]
	case 'm':
	default:
		t.odd = append(t.odd, string(kind))
	}
}

func (t *terminal) String() string {
	var b strings.Builder
	for _, line := range t.lines {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}

func TestFit(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{{"short", 5, "short"}, {"longer", 5, "long…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}} {
		if got := fit(test.text, test.columns); got != test.want {
			t.Errorf("fit(%q, %d) = %q", test.text, test.columns, got)
		}
	}
}
