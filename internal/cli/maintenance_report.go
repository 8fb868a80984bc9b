package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/edgectl"
)

// maintenanceReport is what maintenance status says.
type maintenanceReport struct {
	Project    string     `json:"project"`
	On         bool       `json:"on"`
	Since      *time.Time `json:"since,omitempty"`
	OwnPage    bool       `json:"own_page"`
	RetryAfter int        `json:"retry_after_seconds,omitempty"`
	Allow      []string   `json:"allow,omitempty"`
	// Health lists the paths that are served.
	Health []string `json:"health,omitempty"`
	// Beside lists services that publish ports of their own.
	Beside []string `json:"beside,omitempty"`
	// Paged is how many requests the edge answered with a page since it started.
	Paged int64 `json:"paged"`
}

func (a *app) maintenanceStatus(ctx context.Context, asJSON bool) error {
	s, err := a.openForEdge(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	report, err := s.maintenanceReport(ctx)
	if err != nil {
		return notInMaintenance(err)
	}
	if asJSON {
		return json.NewEncoder(a.out).Encode(report)
	}
	a.printMaintenance(report)
	return nil
}

func (s *session) maintenanceReport(ctx context.Context) (maintenanceReport, error) {
	report := maintenanceReport{Project: s.project.Name}
	config, err := s.edge.Get(ctx, s.project.Name)
	if errors.Is(err, edgectl.ErrUnknown) {
		return report, nil
	}
	if err != nil {
		return report, err
	}
	if stats, err := s.edge.Stats(ctx, s.project.Name); err == nil {
		report.Paged = sumOf(stats).paged
	}
	m := config.Maintenance
	if m == nil {
		return report, nil
	}
	report.On, report.OwnPage, report.Allow = true, m.Page.HTML != "", m.Allow
	if !m.Since.IsZero() {
		report.Since = &m.Since
	}
	if report.RetryAfter = m.Page.RetryAfterSeconds; report.RetryAfter == 0 {
		report.RetryAfter = wire.DefaultRetryAfterSeconds
	}
	routed := map[string]bool{}
	for _, service := range config.Services {
		routed[service.Name] = true
		if m.HealthPass && service.HealthPath != "" {
			report.Health = append(report.Health, service.HealthPath+" of "+service.Name)
		}
	}
	for _, service := range s.project.Services {
		if !routed[service.Name] && len(service.HostPorts) > 0 {
			report.Beside = append(report.Beside, fmt.Sprintf("%s (port %d)", service.Name, service.HostPorts[0].Host))
		}
	}
	return report, nil
}

func (a *app) printMaintenance(report maintenanceReport) {
	if !report.On {
		fmt.Fprintf(a.out, "%s: maintenance is off\n", report.Project)
		return
	}
	since := ""
	if report.Since != nil {
		since = ", for " + agoWords(*report.Since)
	}
	page := "the built-in page"
	if report.OwnPage {
		page = "its own page"
	}
	fmt.Fprintf(a.out, "%s: maintenance is on%s\n", report.Project, since)
	fmt.Fprintf(a.out, "  requests  get 503 with %s, Retry-After: %d (%d since the edge started)\n", page, report.RetryAfter, report.Paged)
	if len(report.Allow) > 0 {
		fmt.Fprintf(a.out, "  served    clients of %s\n", strings.Join(report.Allow, ", "))
	}
	if len(report.Health) > 0 {
		fmt.Fprintf(a.out, "  served    %s\n", strings.Join(report.Health, ", "))
	}
	if len(report.Beside) > 0 {
		fmt.Fprintf(a.out, "  beside    %s: what they do not pass to the edge is not covered\n", strings.Join(report.Beside, ", "))
	}
	fmt.Fprintln(a.out, "next: gapless maintenance off")
}

// agoWords is the time since a moment, in words.
func agoWords(since time.Time) string {
	if since.IsZero() {
		return "an unknown time"
	}
	return time.Since(since).Truncate(time.Second).String()
}

// inMaintenance tells whether requests for the project get the page. An edge
// that cannot be asked answers nothing.
func (s *session) inMaintenance(ctx context.Context) bool {
	config, err := s.edge.Get(ctx, s.project.Name)
	return err == nil && config.Maintenance != nil
}
