package cli

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"gapless/internal/backup"
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
	release := update.Release{Number: plan.To, Previous: plan.From, BackTo: plan.BackTo, Project: p.Name, Run: run, Time: time.Now().UTC(),
		Strategy: plan.Strategy, Because: plan.Because, Migrated: plan.Migrations, Restored: plan.Restored(), Rendered: rendered, Services: map[string]update.ReleaseService{}}
	for _, w := range plan.Waiting {
		if w.Time.IsZero() {
			w.Time = release.Time
		}
		release.Waiting = append(release.Waiting, w)
	}
	if hasBackup(plan) {
		release.Backup = backup.NewID(run)
	}
	for _, service := range p.Services {
		from := originAfter(service, plan, state)
		release.Services[service.Name] = update.ReleaseService{BaseID: from.baseID, MountHashes: mountsAfter(service, plan, state),
			StepTimes: stepTimesOf(state.Release, service.Name), Static: staticAfter(service, plan, state), AtStart: s.atStart(service.Name, plan, state)}
		release.SetSource(service.Name, from.source)
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

// originAfter is the origin of the image that a service runs after the plan:
// what a plan does not build goes on with the source of its image.
func originAfter(service project.Service, plan update.Plan, state update.State) origin {
	wanted := origin{wantedSource(state, service.Name), state.BaseIDs[service.Name]}
	for _, step := range plan.Steps() {
		switch s := step.(type) {
		case *update.BuildStep:
			if s.Service == service.Name || s.Image == service.Image {
				return wanted
			}
		case *update.TagStep:
			// A rollback brings an image back, and what is known of it.
			if s.Service == service.Name || s.Reference == service.Image {
				return wanted
			}
		}
	}
	newest := newestOf(state.ContainersOf(service.Name))
	if len(newest) == 0 {
		return origin{}
	}
	return originOf(state.Release, service.Name, newest[0].ImageID)
}

// mountsAfter are the digests of what the containers of a service have read
// from the host after the plan. What a plan leaves alone goes on with what it
// read before.
func mountsAfter(service project.Service, plan update.Plan, state update.State) map[string]string {
	newest := newestOf(state.ContainersOf(service.Name))
	if len(newest) > 0 && !readsAgain(plan.Steps(), service.Name) {
		if recorded := recordedMounts(state.Release, newest[0]); recorded != nil {
			return recorded
		}
		return readNow(state, service.Name)
	}
	return mountHashes(state, service.Name)
}

// readNow are the digests of what running containers can read: a file that was
// replaced on the host is another one for them.
func readNow(state update.State, serviceName string) map[string]string {
	now := mountHashes(state, serviceName)
	for _, target := range staleMounts(state, serviceName) {
		delete(now, target)
	}
	return now
}

// readsAgain tells whether a step makes a container of the service, restarts
// it or tells it to read its files again.
func readsAgain(steps []update.Step, serviceName string) bool {
	return slices.ContainsFunc(steps, func(step update.Step) bool {
		switch s := step.(type) {
		case *update.BuildStep, *update.PullStep, *update.TagStep, *update.GateStep, *update.SwitchStep,
			*update.HoldStep, *update.ReleaseStep, *update.DrainStep, *update.TaskStep:
			return false
		case *update.ParallelStep:
			var parts []update.Step
			for _, part := range s.Steps {
				parts = append(parts, part.Step)
			}
			return readsAgain(parts, serviceName)
		}
		// Steps on containers name their service, whatever else they hold.
		var named struct {
			Service string `json:"service"`
		}
		text, err := json.Marshal(step)
		return err == nil && json.Unmarshal(text, &named) == nil && named.Service == serviceName
	})
}

// staticAfter is the other image whose static files a service uses after the
// plan; empty where they are those of its own image.
func staticAfter(service project.Service, plan update.Plan, state update.State) string {
	pin, collected := update.StaticPin(plan.Project, service.Name, plan.To), false
	for _, step := range plan.Steps() {
		switch s := step.(type) {
		case *update.TagStep:
			if s.Reference == pin {
				return pin
			}
		case *update.TaskStep:
			if s.Purpose == update.TaskStatic && s.Service == service.Name {
				if strings.HasPrefix(s.ImageID, update.PinPrefix) {
					return s.ImageID
				}
				collected = true
			}
		}
	}
	if collected || state.Release == nil {
		return ""
	}
	return state.Release.Services[service.Name].Static
}
