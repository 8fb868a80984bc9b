package cli

import (
	"fmt"
	"regexp"

	"github.com/spf13/cobra"
)

var aliasPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}$`)

// aliases are the short names, with the command lines behind them.
var aliases = []struct{ name, command string }{
	{"update", "update"},
	{"plan", "plan"},
	{"rollback", "rollback"},
	{"status", "status"},
	{"history", "history"},
	{"logs", "logs --follow"},
	{"doctor", "doctor"},
}

func (a *app) aliasesCommand() *cobra.Command {
	prefix := "gl"
	c := &cobra.Command{
		Use:     "aliases",
		Short:   "Print shell aliases",
		Example: "  gapless aliases --prefix tm >> ~/.bashrc",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !aliasPrefix.MatchString(prefix) {
				return fmt.Errorf("prefix %q: use a lower-case letter, then letters, digits or _", prefix)
			}
			for _, alias := range aliases {
				if _, err := fmt.Fprintf(a.out, "alias %s-%s='gapless %s'\n", prefix, alias.name, alias.command); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&prefix, "prefix", prefix, "start of every alias")
	return c
}
