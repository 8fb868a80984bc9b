package update

import (
	"context"
	"fmt"
)

// BuildStep builds the image of a service while the old version serves.
type BuildStep struct {
	Service  string `json:"service"`
	Image    string `json:"image"`
	Previous string `json:"previous,omitempty"` // image ID that the reference named before
	NoCache  bool   `json:"noCache,omitempty"`
	Built    string `json:"built,omitempty"` // ID of the image, if it was built already to judge its migrations
	Why      string `json:"why"`
}

// Do builds; the build cache makes a repetition cheap. What was judged is what
// runs: an image that was built for that gets the name, if it is still there.
func (s *BuildStep) Do(ctx context.Context, env *Env) error {
	if s.Built != "" {
		err := env.Images.Tag(ctx, s.Built, s.Image)
		if err == nil {
			return nil
		}
		env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(), Text: "the image that was judged cannot be used, and is built again: " + err.Error()})
	}
	if _, err := env.Images.Build(ctx, s.Service, BuildOptions{NoCache: s.NoCache}); err != nil {
		return fmt.Errorf("build %s: %w", s.Service, err)
	}
	return nil
}

// Undo gives the reference back to the image that had it, so that a later
// docker compose up does not start the version that was refused.
func (s *BuildStep) Undo(ctx context.Context, env *Env) error {
	return retag(ctx, env, s.Previous, s.Image)
}

// Line implements Step.
func (s *BuildStep) Line() Line {
	detail := s.Image
	if s.Built != "" {
		detail += ", built already to judge its migrations"
	} else if s.NoCache {
		detail += ", without the build cache"
	}
	return Line{Verb: "build", Object: s.Service, Detail: detail, Reason: s.Why}
}

// PullStep fetches the image of a service while the old version serves.
type PullStep struct {
	Service  string `json:"service"`
	Image    string `json:"image"`
	Previous string `json:"previous,omitempty"`
	Why      string `json:"why"`
}

// Do pulls; a layer that is there is not fetched again.
func (s *PullStep) Do(ctx context.Context, env *Env) error {
	if _, err := env.Images.Pull(ctx, s.Service); err != nil {
		return fmt.Errorf("pull %s: %w", s.Image, err)
	}
	return nil
}

// Undo gives the reference back to the image that had it.
func (s *PullStep) Undo(ctx context.Context, env *Env) error {
	return retag(ctx, env, s.Previous, s.Image)
}

// Line implements Step.
func (s *PullStep) Line() Line {
	return Line{Verb: "pull", Object: s.Service, Detail: s.Image, Reason: s.Why}
}

// TagStep makes a reference name an image, as a rollback does.
type TagStep struct {
	Service   string `json:"service"`
	ImageID   string `json:"imageId"`
	Reference string `json:"reference"`
	Previous  string `json:"previous,omitempty"`
	Why       string `json:"why,omitempty"`
	// Moved says that a pull has moved the reference before the plan was made.
	Moved bool `json:"moved,omitempty"`
}

// Do tags.
func (s *TagStep) Do(ctx context.Context, env *Env) error {
	return env.Images.Tag(ctx, s.ImageID, s.Reference)
}

// Undo gives the reference back. Where a pull has moved it, and the image of before is
// gone, the old version serves all the same: that is only told.
func (s *TagStep) Undo(ctx context.Context, env *Env) error {
	err := retag(ctx, env, s.Previous, s.Reference)
	if err == nil || !s.Moved || ctx.Err() != nil || env.Unavailable != nil && env.Unavailable(err) {
		return err
	}
	env.Sink.Emit(Event{Time: env.Clock.Now(), Kind: EventNotice, Run: env.Run, Line: s.Line(), Text: s.Reference + " goes on naming the newer image: " + err.Error()})
	return nil
}

// Line implements Step.
func (s *TagStep) Line() Line {
	return Line{Verb: "tag", Object: s.Service, Detail: s.Reference + " = " + ShortID(s.ImageID), Reason: s.Why}
}

// retag points a reference back at the image that it named before; nothing is
// to be done if it named none.
func retag(ctx context.Context, env *Env, previousID, reference string) error {
	if previousID == "" {
		return nil
	}
	return env.Images.Tag(ctx, previousID, reference)
}

// ShortID shortens an image ID for people.
func ShortID(imageID string) string {
	const prefix = len("sha256:")
	if len(imageID) > prefix+12 && imageID[:prefix] == "sha256:" {
		return imageID[prefix : prefix+12]
	}
	return imageID
}
