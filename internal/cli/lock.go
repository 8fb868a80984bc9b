package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) lockCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lock",
		Short: "See who works on the application",
		Args:  groupArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	var asJSON bool
	status := &cobra.Command{
		Use:   "status",
		Short: "Show who holds the lock; it frees itself when its holder ends, however it ends",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.openStore(); err != nil {
				return err
			}
			lock, err := s.store.LockStatus()
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return json.NewEncoder(a.out).Encode(lock)
			case !lock.Held:
				_, err = fmt.Fprintf(a.out, "%s: free\n", s.project.Name)
			case lock.Owner == nil:
				_, err = fmt.Fprintf(a.out, "%s: held, the holder has not said who it is\n", s.project.Name)
			default:
				_, err = fmt.Fprintf(a.out, "%s: held by %s\n", s.project.Name, lock.Owner)
			}
			return err
		},
	}
	status.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(status)
	return c
}
