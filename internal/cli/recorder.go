package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gapless/internal/engine"
	"gapless/internal/journal"
	"gapless/internal/update"
)

// keptReleases is how many releases keep their images pinned.
const keptReleases = 5

// recorder writes release records for one run.
type recorder struct {
	session *session
	run     string
	boots   func() map[string]time.Duration
}

// Record implements update.Recorder.
func (r *recorder) Record(ctx context.Context, number int, adopted bool) error {
	if _, err := r.session.store.Release(number); err == nil {
		return nil
	} else if !errors.Is(err, journal.ErrNoRelease) {
		return err
	}
	if adopted {
		return r.adopt(ctx, number)
	}
	release, err := r.session.store.Pending(r.run)
	if err != nil {
		return err
	}
	if err := r.fill(ctx, &release); err != nil {
		return err
	}
	if err := r.session.lock.SavePending(release); err != nil {
		return err
	}
	if _, err := r.session.lock.Promote(r.run); err != nil {
		return err
	}
	return r.unpin(ctx, number-keptReleases)
}

// adopt records what was found running before the first update. Its settings
// are those of the compose file now, with the images that really run.
func (r *recorder) adopt(ctx context.Context, number int) error {
	release := update.Release{Number: number, Project: r.session.project.Name, Run: r.run, Time: time.Now().UTC(),
		Strategy: "adopted", Because: "found running", Adopted: true, Services: map[string]update.ReleaseService{}}
	if err := r.fill(ctx, &release); err != nil {
		return err
	}
	rendered, err := r.session.project.WithImages(imagesOf(release)).Render()
	if err != nil {
		return err
	}
	release.Rendered = rendered
	return r.session.lock.SaveRelease(release)
}

func imagesOf(release update.Release) map[string]string {
	images := map[string]string{}
	for name, service := range release.Services {
		images[name] = service.Image
	}
	return images
}

// fill adds what runs now, and pins its images.
func (r *recorder) fill(ctx context.Context, release *update.Release) error {
	observed, err := r.session.bench.Observe(ctx)
	if err != nil {
		return err
	}
	state := update.State{Containers: observed.Containers}
	boots := r.boots()
	for _, service := range r.session.project.Services {
		newest := newestOf(state.ContainersOf(service.Name))
		if len(newest) == 0 {
			continue
		}
		record := release.Services[service.Name]
		record.Image, record.ImageID, record.ConfigHash = newest[0].Image, newest[0].ImageID, newest[0].ConfigHash
		record.Containers = nil
		for _, c := range newest {
			record.Containers = append(record.Containers, c.Name)
		}
		if boots[service.Name] > 0 {
			record.BootTime = boots[service.Name]
		}
		record.Pin = engine.PinReference(release.Project, service.Name, release.Number)
		if err := r.session.bench.Tag(ctx, record.ImageID, record.Pin); err != nil {
			return fmt.Errorf("pin the image of %s: %w", service.Name, err)
		}
		release.Services[service.Name] = record
	}
	return nil
}

// newestOf is the containers of the newest image: those of the old release
// are still there, stopped, when a release is recorded.
func newestOf(containers []update.Container) []update.Container {
	if len(containers) == 0 {
		return nil
	}
	newest := slices.MaxFunc(containers, func(a, b update.Container) int { return a.Created.Compare(b.Created) })
	return slices.DeleteFunc(slices.Clone(containers), func(c update.Container) bool {
		return c.ImageID != newest.ImageID || c.ConfigHash != newest.ConfigHash
	})
}

// unpin lets go of the images of releases that are too old to go back to.
func (r *recorder) unpin(ctx context.Context, upTo int) error {
	pins, err := r.session.engine.Pins(ctx, r.session.project.Name)
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(pins, func(p engine.Pin) bool { return p.Release > upTo })
	return r.session.engine.RemovePins(ctx, old)
}
