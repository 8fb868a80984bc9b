package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gapless/internal/edgectl"
	"gapless/internal/update"
)

// statusReport is what status says.
type statusReport struct {
	Project    string `json:"project"`
	Release    int    `json:"release"` // 0: none yet
	Unfinished string `json:"unfinished,omitempty"`
	Locked     string `json:"locked,omitempty"`
	Edge       string `json:"edge"`
	// Waiting are migrations that gapless migrations contract runs.
	Waiting []update.Waiting `json:"waiting,omitempty"`
	// Maintenance tells that requests get the maintenance page.
	Maintenance bool            `json:"maintenance"`
	Services    []serviceStatus `json:"services"`
}

type serviceStatus struct {
	Service    string   `json:"service"`
	Role       string   `json:"role"`
	RoleReason string   `json:"role_reason"`
	Image      string   `json:"image"`
	Containers []string `json:"containers"`
	Route      string   `json:"route,omitempty"`
	Change     string   `json:"change,omitempty"` // that the next update makes
}

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what runs, which release it is, and what an update would change",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			report, err := s.status(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(report)
			}
			return a.printStatus(report)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (s *session) status(ctx context.Context) (statusReport, error) {
	report := statusReport{Project: s.project.Name}
	if err := s.look(ctx); err != nil {
		return report, err
	}
	state, err := s.observe(ctx)
	if err != nil {
		return report, err
	}
	if state.Release != nil {
		report.Release, report.Waiting = state.Release.Number, state.Release.Waiting
	}
	s.addRun(&report)
	report.Edge = s.edgeState(ctx)
	report.Maintenance = s.inMaintenance(ctx)
	changes := map[string]string{}
	for _, c := range s.detect(ctx, state) {
		changes[c.Service] = c.Words()
	}
	for _, service := range s.project.Services {
		line := serviceStatus{Service: service.Name, Role: string(service.Role), RoleReason: service.RoleReason, Image: service.Image, Change: changes[service.Name]}
		for _, c := range state.ContainersOf(service.Name) {
			line.Containers = append(line.Containers, containerWords(c))
		}
		if route, routed := state.Routes[service.Name]; routed {
			line.Route = routeWords(route)
		}
		report.Services = append(report.Services, line)
	}
	return report, nil
}

// addRun tells of a run that is under way or was cut off.
func (s *session) addRun(report *statusReport) {
	if lock, err := s.store.LockStatus(); err == nil && lock.Held && lock.Owner != nil {
		report.Locked = lock.Owner.String()
		return
	}
	entries, err := s.store.Unfinished()
	if err != nil {
		report.Unfinished = err.Error()
		return
	}
	history, err := update.ReadHistory(entries)
	switch {
	case errors.Is(err, update.ErrNoRun):
	case err != nil:
		report.Unfinished = err.Error()
	default:
		report.Unfinished = fmt.Sprintf("update to release %d stopped after step %d", history.Plan.To, history.Reached)
		if history.Held {
			report.Unfinished += ", held: " + s.redactor().Redact(history.HeldFor)
		}
	}
}

// edgeState is the edge in words.
func (s *session) edgeState(ctx context.Context) string {
	health, err := s.edge.Health(ctx)
	switch {
	case errors.Is(err, edgectl.ErrNotRunning):
		return "not running"
	case err != nil:
		return err.Error()
	case slices.Contains(health.Unverified, s.project.Name):
		return "waits for gapless edge sync: the host was restarted"
	}
	return "running, version " + health.Version
}

func containerWords(c update.Container) string {
	words := c.Name + " " + update.ShortID(c.ImageID)
	if !c.Running {
		words += fmt.Sprintf(" exited (%d)", c.ExitCode)
	}
	return words
}

func routeWords(route update.RouteState) string {
	var targets []string
	for _, t := range route.Targets {
		if t.Weight > 0 {
			targets = append(targets, t.Container)
		}
	}
	return fmt.Sprintf("%s%s%s -> %s", strings.Join(route.Hosts, ","), strings.Join(route.Listeners, ","), route.Path, strings.Join(targets, ", "))
}

func (a *app) printStatus(report statusReport) error {
	release := "none yet"
	if report.Release > 0 {
		release = fmt.Sprint(report.Release)
	}
	fmt.Fprintf(a.out, "%s  release %s  edge: %s\n", report.Project, release, report.Edge)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, s := range report.Services {
		detail := strings.Join(s.Containers, ", ")
		if len(s.Containers) == 0 {
			detail = "no container"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", s.Service, s.Role, detail, s.Route)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range report.Services {
		if s.Change != "" {
			fmt.Fprintf(a.out, "next update: %s: %s\n", s.Service, s.Change)
		}
	}
	for _, w := range report.Waiting {
		fmt.Fprintf(a.out, "waiting: %s: gapless migrations contract\n", w.Words())
	}
	if report.Maintenance {
		fmt.Fprintln(a.out, "maintenance is on: requests get the page until gapless maintenance off")
	}
	if report.Locked != "" {
		fmt.Fprintf(a.out, "at work: %s\n", report.Locked)
	}
	if report.Unfinished != "" {
		fmt.Fprintf(a.out, "unfinished: %s\nnext: gapless resume\n", report.Unfinished)
	}
	return nil
}

// serving says, after a fresh look, what answers now.
func (s *session) serving(ctx context.Context) []string {
	state, err := s.observe(ctx)
	if err != nil {
		return []string{"not known: " + err.Error()}
	}
	var lines []string
	for _, service := range s.project.Services {
		var running []string
		for _, c := range state.ContainersOf(service.Name) {
			if c.Running {
				running = append(running, c.Name+" ("+update.ShortID(c.ImageID)+")")
			}
		}
		if len(running) > 0 {
			lines = append(lines, service.Name+": "+strings.Join(running, ", "))
		}
	}
	return lines
}
