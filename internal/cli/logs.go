package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"gapless/internal/engine"
	"gapless/internal/update"
)

func (a *app) logsCommand() *cobra.Command {
	var follow bool
	tail := 50
	c := &cobra.Command{
		Use:   "logs [SERVICE...]",
		Short: "Show the logs of all containers, old and new side by side",
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
	c.Flags().BoolVar(&follow, "follow", false, "go on until Ctrl-C")
	c.Flags().IntVarP(&tail, "tail", "n", tail, "lines of each container to begin with; negative: all")
	return c
}

func (s *session) logs(ctx context.Context, services []string, options engine.FollowOptions) error {
	containers, err := s.bench.Look(ctx)
	if err != nil {
		return err
	}
	containers = slices.DeleteFunc(containers, func(c update.Container) bool {
		return len(services) > 0 && !slices.Contains(services, c.Service)
	})
	width := 0
	for _, c := range containers {
		width = max(width, len(c.Name))
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	failures := make([]error, len(containers))
	for i, c := range containers {
		group.Go(func() {
			failures[i] = s.engine.FollowLogs(ctx, c.Name, options, func(line string) error {
				mu.Lock()
				defer mu.Unlock()
				_, err := fmt.Fprintf(s.app.out, "%-*s | %s\n", width, c.Name, line)
				return err
			})
		})
	}
	group.Wait()
	return errors.Join(failures...)
}
