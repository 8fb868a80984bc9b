package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gapless/internal/edgectl"
)

func (a *app) maintenanceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "maintenance",
		Short: "Answer all requests with a maintenance page, or stop doing so",
		Example: `  gapless maintenance on                          503, Retry-After and the page, until off
  gapless maintenance on --page soon.html --retry-after 600
  gapless maintenance on --allow 203.0.113.7      see the application yourself meanwhile
  gapless maintenance off`,
		Args: groupArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	c.AddCommand(a.maintenanceOnCommand(),
		&cobra.Command{Use: "off", Short: "Let requests reach the application again", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return a.maintenanceOff(c.Context()) }},
		a.maintenanceStatusCommand())
	return c
}

func (a *app) maintenanceOnCommand() *cobra.Command {
	var flags maintenanceFlags
	c := &cobra.Command{
		Use:   "on",
		Short: "Answer requests with 503, Retry-After and a page",
		Long: `From now on every request that comes through the edge is answered with status
503, Retry-After and a page, or a few fields of JSON where the client asks for
JSON. This lasts until "off", whatever is updated or restarted meanwhile.
Requests and WebSockets that are under way go on.

What is not given as a flag comes from x-gapless.maintenance.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			flags.given = c.Flags().Changed
			return a.maintenanceOn(c.Context(), flags)
		},
	}
	c.Flags().StringVar(&flags.page, "page", "", "HTML file to show instead of the built-in page")
	c.Flags().StringVar(&flags.retryAfter, "retry-after", "", "what clients are asked to wait: seconds, or a duration such as 10m (default 30)")
	c.Flags().StringArrayVar(&flags.allow, "allow", nil, "network or address of clients that are served (repeatable)")
	c.Flags().StringVar(&flags.health, "health", "", "requests for the health path: pass or page (default pass)")
	return c
}

func (a *app) maintenanceStatusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "status", Short: "Show whether it is on, and for whom not", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.maintenanceStatus(c.Context(), asJSON) }}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// openForEdge opens a project for a command that needs nothing but the edge: a
// broken compose file or engine must not keep an application in maintenance.
func (a *app) openForEdge(ctx context.Context) (*session, error) {
	s, err := a.openAnyway(ctx)
	if err != nil {
		return nil, err
	}
	s.edge, _, err = edgeClient()
	return s, err
}

func (a *app) maintenanceOn(ctx context.Context, flags maintenanceFlags) error {
	s, err := a.openForEdge(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if s.unreadable != nil {
		fmt.Fprintln(a.err, "warning: the compose file cannot be read, so its maintenance settings are not used")
	}
	wanted, err := s.maintenanceOf(flags)
	if err != nil {
		return err
	}
	state, err := s.edge.State(ctx, s.project.Name)
	if err == nil && state.Maintenance != nil {
		wanted.Since = state.Maintenance.Since
	}
	healthPaths := map[string]string{}
	for _, service := range s.project.Services {
		if service.Route != nil {
			healthPaths[service.Name] = service.Route.HealthPath
		}
	}
	if _, err := edgectl.NewRouter(s.edge, s.project.Name, nil).SetMaintenance(ctx, wanted, healthPaths); err != nil {
		return notInMaintenance(err)
	}
	report, err := s.maintenanceReport(ctx)
	if err != nil {
		return err
	}
	a.printMaintenance(report)
	return nil
}

// notInMaintenance says what to do where the edge cannot answer for a project.
func notInMaintenance(err error) error {
	switch {
	case errors.Is(err, edgectl.ErrUnknown):
		return refuse(errors.New("the edge has no route of this project, so it cannot answer for it"), "gapless update brings an application behind the edge; gapless init proposes the settings for it")
	case errors.Is(err, edgectl.ErrNotRunning):
		return &exitStatus{code: exitError, err: err, hint: "gapless edge status; what was on or off before is so again when the edge runs"}
	}
	return err
}

func (a *app) maintenanceOff(ctx context.Context) error {
	s, err := a.openForEdge(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	before, err := edgectl.NewRouter(s.edge, s.project.Name, nil).SetMaintenance(ctx, nil, nil)
	if err != nil && !errors.Is(err, edgectl.ErrUnknown) {
		return notInMaintenance(err)
	}
	if before == nil {
		fmt.Fprintf(a.out, "%s: maintenance was off\n", s.project.Name)
		return nil
	}
	fmt.Fprintf(a.out, "%s: maintenance is off, after %s\n", s.project.Name, agoWords(before.Since))
	return nil
}
