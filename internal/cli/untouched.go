package cli

import (
	"context"
	"fmt"

	"gapless/internal/project"
	"gapless/internal/update"
)

// asItWillRun is the project as it runs after the plan: services that changed
// and that the plan leaves alone go on as the last release recorded them.
func (s *session) asItWillRun(ctx context.Context, plan update.Plan, state update.State) *project.Project {
	left := leftAlone(s.project, plan, state)
	if len(left) == 0 || state.Release == nil || len(state.Release.Rendered) == 0 {
		return s.project
	}
	earlier, err := renderedProject(ctx, *state.Release, s.project.Directory)
	if err != nil {
		// A record that cannot be read must not stop an update.
		fmt.Fprintln(s.app.err, "warning: the new release records the services that are left alone as the files say: "+err.Error())
		return s.project
	}
	return s.project.WithServicesOf(earlier, left)
}

// leftAlone lists the services whose containers run with another configuration
// than the wanted one, and go on with it.
func leftAlone(p *project.Project, plan update.Plan, state update.State) []string {
	made := map[string]bool{}
	for _, name := range servicesMade(plan.Steps()) {
		made[name] = true
	}
	var left []string
	for _, service := range p.Services {
		newest := newestOf(state.ContainersOf(service.Name))
		if !made[service.Name] && len(newest) > 0 && newest[0].ConfigHash != state.ConfigHashes[service.Name] {
			left = append(left, service.Name)
		}
	}
	return left
}

// servicesMade lists the services that get new containers.
func servicesMade(steps []update.Step) []string {
	var names []string
	for _, step := range steps {
		switch s := step.(type) {
		case *update.StartStep:
			names = append(names, s.Service)
		case *update.JobStep:
			names = append(names, s.Service)
		case *update.ParallelStep:
			for _, part := range s.Steps {
				names = append(names, servicesMade([]update.Step{part.Step})...)
			}
		}
	}
	return names
}
