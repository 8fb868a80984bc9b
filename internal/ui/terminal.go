package ui

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// isTerminal tells whether a file is a terminal.
func isTerminal(file *os.File) bool {
	if file == nil {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

// terminalSize asks the terminal; one that does not say is taken for 80 by 24.
func terminalSize(file *os.File) (columns, rows int) {
	if file != nil {
		size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
		if err == nil && size.Col > 0 && size.Row > 0 {
			return int(size.Col), int(size.Row)
		}
	}
	return 80, 24
}

// widthOf is the number of columns that a text takes.
func widthOf(text string) int {
	width := 0
	for _, r := range text {
		width += runeWidth(r)
	}
	return width
}

// runeWidth follows Unicode TR 11 for the blocks in which all characters are
// wide, and for marks that take no column of their own.
func runeWidth(r rune) int {
	switch {
	case r >= 0x300 && r <= 0x36f, r >= 0xfe00 && r <= 0xfe0f:
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// fit cuts a text to a number of columns.
func fit(text string, columns int) string {
	if widthOf(text) <= columns {
		return text
	}
	var b strings.Builder
	width := 0
	for _, r := range text {
		if width+runeWidth(r) > columns-1 {
			break
		}
		width += runeWidth(r)
		b.WriteRune(r)
	}
	return b.String() + "…"
}
