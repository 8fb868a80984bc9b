package cli

import (
	"context"
	"errors"
	"fmt"

	"gapless/internal/engine"
	"gapless/internal/update"
)

// imageStore fetches and names images.
type imageStore interface {
	ImageID(ctx context.Context, reference string) (string, error)
	Pull(ctx context.Context, serviceName string) (string, error)
	Tag(ctx context.Context, imageID, reference string) error
}

// movedTag is a reference that names another image since a pull.
type movedTag struct{ service, reference, previous, now string }

// pulled asks the registry for newer images where the compose file or the user
// wants it, and acts on them. If that comes to nothing, the references name
// what they named before: a later docker compose up must not start a version
// that was declined or failed.
func (s *session) pulled(ctx context.Context, all bool, act func(moved []update.Step) error) error {
	moved, err := s.pullImages(ctx, s.bench, all)
	if err == nil {
		err = act(movedSteps(moved))
	}
	if err == nil || len(moved) == 0 {
		return err
	}
	if entries, journalErr := s.store.Unfinished(); journalErr != nil || len(entries) > 0 {
		return err // the run is not over: it may still go forward
	}
	if tagErr := tagBack(context.WithoutCancel(ctx), s.bench, moved); tagErr != nil {
		fmt.Fprintln(s.app.err, "warning: "+tagErr.Error())
	}
	return err
}

// pullImages pulls, and returns what moved, also together with an error.
// Running containers do not notice.
func (s *session) pullImages(ctx context.Context, images imageStore, all bool) ([]movedTag, error) {
	var moved []movedTag
	done := map[string]bool{}
	for _, service := range s.project.Services {
		policy := s.project.Compose.Services[service.Name].PullPolicy
		if service.Build || (policy != "always" && !all) || policy == "never" || done[service.Image] {
			continue
		}
		done[service.Image] = true
		previous, err := images.ImageID(ctx, service.Image)
		var missing *engine.ImageError
		if err != nil && !(errors.As(err, &missing) && missing.Kind == engine.ImageMissing) {
			return moved, err
		}
		fmt.Fprintf(s.app.err, "pulling %s\n", service.Image)
		now, err := images.Pull(ctx, service.Name)
		if err != nil {
			return moved, fmt.Errorf("pull %s: %w", service.Image, err)
		}
		if previous != "" && previous != now {
			moved = append(moved, movedTag{service.Name, service.Image, previous, now})
		}
	}
	return moved, nil
}

// movedSteps put what a pull moved into the plan: the undo of a run whose process died
// takes it back too.
func movedSteps(moved []movedTag) (steps []update.Step) {
	for _, tag := range moved {
		steps = append(steps, &update.TagStep{Service: tag.service, ImageID: tag.now, Reference: tag.reference, Previous: tag.previous, Moved: true,
			Why: "was pulled; names the image of before again if the update fails"})
	}
	return steps
}

// tagBack gives the references back to the images that had them.
func tagBack(ctx context.Context, images imageStore, moved []movedTag) error {
	var failures []error
	for _, tag := range moved {
		if err := images.Tag(ctx, tag.previous, tag.reference); err != nil {
			failures = append(failures, fmt.Errorf("%s names a newer image than before: %w", tag.reference, err))
		}
	}
	return errors.Join(failures...)
}
