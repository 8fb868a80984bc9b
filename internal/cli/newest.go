package cli

import (
	"slices"

	"gapless/internal/update"
)

// newestOf is the containers that are alike the one that was made last: those
// of the old release are still there, stopped, when a release is recorded.
func newestOf(containers []update.Container) []update.Container {
	if len(containers) == 0 {
		return nil
	}
	newest := slices.MaxFunc(containers, func(a, b update.Container) int { return a.Created.Compare(b.Created) })
	return alike(newest, containers)
}

// madeBy is the containers that are alike what a run made. The label of the
// run tells it better than a clock, which can be set back; only what the run
// did not touch goes by its age.
func madeBy(run string, containers []update.Container) []update.Container {
	for _, c := range containers {
		if c.Run == run {
			return alike(c, containers)
		}
	}
	return newestOf(containers)
}

// foundBefore leaves out what a run made.
func foundBefore(run string, containers []update.Container) []update.Container {
	return slices.DeleteFunc(slices.Clone(containers), func(c update.Container) bool { return c.Run == run })
}

func alike(one update.Container, containers []update.Container) []update.Container {
	return slices.DeleteFunc(slices.Clone(containers), func(c update.Container) bool {
		return c.ImageID != one.ImageID || c.ConfigHash != one.ConfigHash
	})
}
