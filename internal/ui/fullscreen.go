package ui

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The sequences of a terminal's second screen, which leaves the first as it was.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[2J"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// fullScreen has a whole terminal until it is left.
type fullScreen struct {
	in, out *os.File
	before  *unix.Termios // nil: the input is no terminal
	color   bool
	left    sync.Once
}

// enterFullScreen takes the terminal. Keys come one at a time and are not
// shown; Ctrl-C is a key like others, so that nothing ends without leaving.
func enterFullScreen(in, out *os.File, color bool) (*fullScreen, error) {
	s := &fullScreen{in: in, out: out, color: color}
	if before, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS); err == nil {
		s.before = before
		raw := *before
		raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG
		raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
		if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, &raw); err != nil {
			return nil, fmt.Errorf("prepare the terminal: %w", err)
		}
	}
	if _, err := io.WriteString(out, enterScreen); err != nil {
		s.leave()
		return nil, err
	}
	return s, nil
}

// leave gives the terminal back as it was.
func (s *fullScreen) leave() {
	s.left.Do(func() {
		_, _ = io.WriteString(s.out, leaveScreen)
		if s.before != nil {
			_ = unix.IoctlSetTermios(int(s.in.Fd()), unix.TCSETS, s.before)
		}
	})
}

// draw replaces what is shown.
func (s *fullScreen) draw(lines []styled) error {
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("\x1b[K" + (&screen{color: s.color}).paint(line.text, line.color))
	}
	b.WriteString("\x1b[J")
	_, err := io.WriteString(s.out, b.String())
	return err
}
