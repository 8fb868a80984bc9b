package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// confirm asks, unless --yes was given. Without a terminal it refuses: a
// question that nobody sees would hang.
func (a *app) confirm(question string) error {
	if a.flags.yes {
		return nil
	}
	if !isTerminal(a.in) {
		return &exitStatus{code: exitError, err: errors.New("no terminal to ask on"), hint: "add --yes to run without a question"}
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && line == "" {
		return &exitStatus{code: exitError, err: errors.New("no answer"), hint: "nothing was touched"}
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return &exitStatus{code: exitError, err: errors.New("not confirmed"), hint: "nothing was touched"}
}

// isTerminal tells whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
