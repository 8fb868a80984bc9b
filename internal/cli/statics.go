package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"gapless/internal/statics"
	"gapless/internal/update"
)

// staticsCommand is what helpers run, in a container of their own.
func (a *app) staticsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:    "statics",
		Short:  "Bring static files into a directory that is served; runs during an update by itself",
		Args:   groupArgs,
		Hidden: true,
		RunE:   func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		&cobra.Command{Use: update.HelperPrepare + " FRESH SERVED", Short: "Give a fresh directory the owners of the served one", Args: cobra.ExactArgs(2),
			RunE: func(_ *cobra.Command, directories []string) error {
				return statics.Prepare(directories[0], directories[1])
			}},
		&cobra.Command{Use: update.HelperPublish + " FRESH SERVED", Short: "Move what is new in a fresh directory into the served one", Args: cobra.ExactArgs(2),
			RunE: func(_ *cobra.Command, directories []string) error {
				published, err := statics.Publish(directories[0], directories[1])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.out, "%d new, %d changed, %d as before\n", published.New, published.Changed, published.Same)
				return err
			}},
	)
	return c
}
