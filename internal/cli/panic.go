package cli

import (
	"fmt"
	"io"
	"runtime/debug"
)

// recovered turns a panic of a command into an exit code and a message. It
// writes nothing to the journal: a run that was under way has no end there,
// so the next start brings it to one.
func recovered(cause any, errOut io.Writer) int {
	fmt.Fprintf(errOut, "gapless: internal error: %s\n%s", escaped(fmt.Sprint(cause)), debug.Stack())
	fmt.Fprintln(errOut, "gapless: this is a bug in gapless, version "+Version+"; nothing was lost: an update that was under way is in the journal, and what served before it goes on")
	fmt.Fprintln(errOut, "hint: gapless resume ends an update that was under way; please report the lines above, with the command line, to the maintainers")
	return exitError
}
