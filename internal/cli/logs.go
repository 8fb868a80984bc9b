package cli

import (
	"context"

	"github.com/spf13/cobra"

	"gapless/internal/engine"
)

func (a *app) logsCommand() *cobra.Command {
	var follow bool
	tail := 50
	c := &cobra.Command{
		Use:   "logs [SERVICE...]",
		Short: "Show the logs of all containers, old and new side by side",
		Long: `Logs shows the logs of all containers of the project, or of some services.

While a service has an old and a new version, each line says of which it is; on a
terminal of at least 120 columns the old one has the left half and the new one the
right. With --follow, containers that come later are followed too.`,
		RunE: func(c *cobra.Command, services []string) error {
			s, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.checkNames(services); err != nil {
				return err
			}
			if err := s.connect(c.Context()); err != nil {
				return err
			}
			return s.logs(c.Context(), services, engine.FollowOptions{Tail: tail, Once: !follow})
		},
	}
	c.Flags().BoolVar(&follow, "follow", false, "go on until Ctrl-C, with the containers that come meanwhile")
	c.Flags().IntVarP(&tail, "tail", "n", tail, "lines of each container to begin with; negative: all")
	return c
}

func (s *session) logs(ctx context.Context, services []string, options engine.FollowOptions) error {
	return newLogFollower(s.bench, s.engine, s.app.out, s.app.err, services, options).run(ctx)
}
