package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// groupArgs are the arguments of a command that only has commands below it:
// none, and a word that is not one of them gets the nearest ones as a hint.
func groupArgs(c *cobra.Command, arguments []string) error {
	if len(arguments) == 0 {
		return nil
	}
	hint := c.CommandPath() + " --help lists the commands"
	if near := c.SuggestionsFor(arguments[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "?"
	}
	err := fmt.Errorf("unknown command %q for %q", shorten(arguments[0], 60), c.CommandPath())
	return &exitStatus{code: exitError, err: err, hint: hint}
}
