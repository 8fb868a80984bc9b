package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	times   func(serviceName string) map[string]time.Duration // of its steps, by verb
}

// The pauses before another attempt to record: an engine or a disk that is
// busy for a moment must not cost the record of a release that serves.
var recordPauses = []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second}

// Record implements update.Recorder.
func (r *recorder) Record(ctx context.Context, number int, adopted bool) error {
	return retried(ctx, recordPauses, func() error { return r.record(ctx, number, adopted) })
}

// retried repeats an act that failed after each of the pauses.
func retried(ctx context.Context, pauses []time.Duration, act func() error) error {
	err := act()
	for _, pause := range pauses {
		if err == nil || (wallClock{}).Sleep(ctx, pause) != nil {
			return err
		}
		err = act()
	}
	return err
}

func (r *recorder) record(ctx context.Context, number int, adopted bool) error {
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
	made := func(containers []update.Container) []update.Container { return madeBy(r.run, containers) }
	if err := r.fill(ctx, &release, made); err != nil {
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
	found := func(containers []update.Container) []update.Container {
		return newestOf(foundBefore(r.run, containers))
	}
	if err := r.fill(ctx, &release, found); err != nil {
		return err
	}
	if err := r.addSources(&release); err != nil {
		return err
	}
	if err := r.addMounts(ctx, &release); err != nil {
		return err
	}
	rendered, err := r.session.project.WithImages(imagesOf(release)).Render()
	if err != nil {
		return err
	}
	release.Rendered = rendered
	return r.session.lock.SaveRelease(release)
}

// addSources adds what is known of the sources of the images, and of migrations
// that wait.
func (r *recorder) addSources(release *update.Release) error {
	previous, err := r.session.store.Newest()
	if noRelease(err) {
		return nil
	}
	if err != nil {
		return err
	}
	release.Waiting = previous.Waiting
	for name, service := range release.Services {
		from := originOf(&previous, name, service.ImageID)
		service.BaseID = from.baseID
		release.Services[name] = service
		release.SetSource(name, from.source)
	}
	return nil
}

// addMounts adds the contents of the mounted files. Services that run what the
// last release recorded have read what they had then; of the others, the files
// of now are the first that is known.
func (r *recorder) addMounts(ctx context.Context, release *update.Release) error {
	containers, err := r.session.bench.Look(ctx)
	if err != nil {
		return err
	}
	found, err := r.session.mounts(ctx, containers)
	if err != nil {
		return err
	}
	previous, err := r.session.store.Newest()
	if err != nil && !noRelease(err) {
		return err
	}
	for name, service := range release.Services {
		service.MountHashes = readNow(update.State{Mounts: found}, name)
		if before, known := previous.Services[name]; known && before.ImageID == service.ImageID && before.ConfigHash == service.ConfigHash && before.MountHashes != nil {
			service.MountHashes = before.MountHashes
		}
		release.Services[name] = service
	}
	return nil
}

func imagesOf(release update.Release) map[string]string {
	images := map[string]string{}
	for name, service := range release.Services {
		images[name] = service.Image
	}
	return images
}

// fill adds the containers of the release, and pins their images.
func (r *recorder) fill(ctx context.Context, release *update.Release, choose func([]update.Container) []update.Container) error {
	containers, err := r.session.bench.Look(ctx)
	if err != nil {
		return err
	}
	state := update.State{Containers: containers}
	for _, service := range r.session.project.Services {
		chosen := choose(state.ContainersOf(service.Name))
		if len(chosen) == 0 {
			continue
		}
		record := release.Services[service.Name]
		record.Image, record.ImageID, record.ConfigHash = chosen[0].Image, chosen[0].ImageID, chosen[0].ConfigHash
		record.Containers = nil
		for _, c := range chosen {
			record.Containers = append(record.Containers, c.Name)
		}
		if took := r.times(service.Name); len(took) > 0 {
			if record.StepTimes == nil {
				record.StepTimes = map[string]time.Duration{}
			}
			maps.Copy(record.StepTimes, took)
		}
		record.Pin = update.PinReference(release.Project, service.Name, release.Number)
		if err := r.session.bench.Tag(ctx, record.ImageID, record.Pin); err != nil {
			return fmt.Errorf("pin the image of %s: %w", service.Name, err)
		}
		release.Services[service.Name] = record
	}
	return nil
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
