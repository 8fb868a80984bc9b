package cli

import (
	"maps"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
	"gapless/internal/update"
)

// pendingRelease is the record of the release that a plan makes, as far as it
// is known before.
func (s *session) pendingRelease(p *project.Project, plan update.Plan, state update.State, run string) (update.Release, error) {
	rendered, err := p.Render()
	if err != nil {
		return update.Release{}, err
	}
	release := update.Release{Number: plan.To, Previous: plan.From, Project: p.Name, Run: run, Time: time.Now().UTC(),
		Strategy: plan.Strategy, Because: plan.Because, Rendered: rendered, Services: map[string]update.ReleaseService{}}
	for _, service := range p.Services {
		release.Services[service.Name] = update.ReleaseService{StepTimes: stepTimesOf(state.Release, service.Name)}
		release.SetSource(service.Name, sourceAfter(service, plan, state))
	}
	return release, nil
}

// stepTimesOf is what the last release knew of the times of a service.
func stepTimesOf(release *update.Release, serviceName string) map[string]time.Duration {
	if release == nil {
		return nil
	}
	return maps.Clone(release.Services[serviceName].StepTimes)
}

// sourceAfter is the source that a service runs after the plan:
// what a plan does not build goes on with the source of its image.
func sourceAfter(service project.Service, plan update.Plan, state update.State) *change.Source {
	for _, step := range plan.Steps() {
		switch s := step.(type) {
		case *update.BuildStep:
			if s.Service == service.Name || s.Image == service.Image {
				return wantedSource(state, service.Name)
			}
		case *update.TagStep:
			// A rollback brings an image back, and what is known of it.
			if s.Service == service.Name || s.Reference == service.Image {
				return wantedSource(state, service.Name)
			}
		}
	}
	newest := newestOf(state.ContainersOf(service.Name))
	if len(newest) == 0 {
		return nil
	}
	return builtFrom(state.Release, service.Name, newest[0].ImageID)
}
