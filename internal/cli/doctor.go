package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gapless/internal/edgectl"
	"gapless/internal/engine"
	"gapless/internal/project"
)

// finding is one line of doctor.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"` // ok, warning or problem
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// examination collects findings.
type examination struct{ findings []finding }

func (x *examination) ok(check, format string, args ...any) {
	x.findings = append(x.findings, finding{check, "ok", fmt.Sprintf(format, args...), ""})
}

func (x *examination) warn(check, detail, fix string) {
	x.findings = append(x.findings, finding{check, "warning", detail, fix})
}

func (x *examination) problem(check string, err error, fix string) {
	if _, hint := codeAndHint(err); fix == "" {
		fix = hint
	}
	x.findings = append(x.findings, finding{check, "problem", err.Error(), fix})
}

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that an update relies on; touch nothing",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			x := &examination{}
			a.examine(c.Context(), x)
			if asJSON {
				if err := json.NewEncoder(a.out).Encode(x.findings); err != nil {
					return err
				}
			} else {
				a.printFindings(x.findings)
			}
			for _, f := range x.findings {
				if f.State == "problem" {
					return said(exitRefused)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) printFindings(findings []finding) {
	for _, f := range findings {
		fmt.Fprintf(a.out, "%-8s %-12s %s\n", f.State, f.Check, f.Detail)
		if f.Fix != "" {
			fmt.Fprintf(a.out, "%21s fix: %s\n", "", f.Fix)
		}
	}
}

// examine goes on after a problem as far as it can.
func (a *app) examine(ctx context.Context, x *examination) {
	s, err := a.open(ctx)
	if err != nil {
		x.problem("project", err, "")
		a.examineEngine(ctx, x)
		return
	}
	defer s.close()
	x.ok("project", "%s, %d services, %d compose files", s.project.Name, len(s.project.Services), len(s.project.Files))
	examineServices(x, s.project)
	examineStatics(x, s.project)
	examineNotify(x, s)
	if err := s.openStore(); err != nil {
		x.problem("state", err, "")
	} else if err := s.store.Room(); err != nil {
		x.problem("state", err, "")
	} else {
		x.ok("state", "%s is private and has room", s.store.Path())
	}
	if e := a.examineEngine(ctx, x); e != nil {
		defer e.Close()
	}
	examineEdge(ctx, x, s.project)
}

func examineServices(x *examination, p *project.Project) {
	for _, service := range p.Services {
		reason, alone := service.CannotOverlap()
		detail := fmt.Sprintf("%s: %s (%s)", service.Name, service.Role, service.RoleReason)
		switch {
		case len(service.HostPorts) > 0 && service.Route == nil && service.Role == project.RoleWeb:
			x.warn("service", detail+"; "+reason+": every update has a gap", "gapless init moves the port to the edge")
		case alone && service.Role == project.RoleWeb:
			x.warn("service", detail+"; "+reason+": requests wait while it is replaced", "")
		case service.Role == project.RoleWeb && service.Healthcheck == nil && service.Route == nil:
			x.warn("service", detail+"; no healthcheck and no route: only staying up can be checked", "add a healthcheck")
		default:
			x.ok("service", "%s", detail)
		}
	}
	for _, f := range p.Findings {
		x.warn("file", f.Message, f.Hint)
	}
}

// examineStatics looks whether static files can be collected beside those that
// are served.
func examineStatics(x *examination, p *project.Project) {
	for _, service := range p.Services {
		if service.StaticTarget == "" {
			continue
		}
		if err := runsAlone(); err != nil {
			x.warn("static", fmt.Sprintf("%s: static files are rewritten in %s while they are served: %v", service.Name, service.StaticTarget, err), "use a gapless that make build has built")
			continue
		}
		x.ok("static", "%s: collected beside %s and moved in", service.Name, service.StaticTarget)
	}
}

// examineEngine looks at the engine; nil if it cannot be reached.
func (a *app) examineEngine(ctx context.Context, x *examination) *engine.Engine {
	e, err := engine.Connect(ctx, a.engineOptions())
	if err != nil {
		x.problem("engine", err, "")
		return nil
	}
	if err := e.RequireUpdatable(ctx); err != nil {
		x.problem("engine", err, "")
		return e
	}
	facts, err := e.Facts(ctx)
	if err != nil {
		x.problem("engine", err, "")
		return e
	}
	x.ok("engine", "Docker %s, API %s, %s", facts.Version, facts.APIVersion, facts.StorageDriver)
	examineDisk(x, facts)
	if !facts.LiveRestore {
		x.warn("engine", "live-restore is off: a crash of dockerd stops every container", `set "live-restore": true in /etc/docker/daemon.json and reload dockerd`)
	}
	if os.Geteuid() != 0 {
		x.warn("user", "not root: the state is kept for this user only, and so is the lock", "run updates always as the same user")
	}
	return e
}

func examineEdge(ctx context.Context, x *examination, p *project.Project) {
	if !p.Settings.Edge.Enabled() {
		x.warn("edge", "this project has no edge before it", "gapless init shows how to add it")
		return
	}
	client, _, err := edgeClient()
	if err != nil {
		x.problem("edge", err, "")
		return
	}
	health, err := client.Health(ctx)
	switch {
	case errors.Is(err, edgectl.ErrNotRunning):
		x.ok("edge", "not running yet; the first update starts it")
	case err != nil:
		x.problem("edge", err, "")
	case len(health.Disabled) > 0:
		x.problem("edge", fmt.Errorf("parts of its configuration are out of use: %v", health.Disabled), "gapless edge sync")
	default:
		x.ok("edge", "running, version %s", health.Version)
	}
}
