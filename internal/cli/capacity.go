package cli

import (
	"cmp"
	"context"
	"fmt"

	"gapless/internal/change"
	"gapless/internal/engine"
	"gapless/internal/update"
)

// addCapacity finds out what the plan can count on. What cannot be found out
// bounds nothing, and is no error.
func (s *session) addCapacity(ctx context.Context, state *update.State, changes []change.Change) {
	seen := *state // the acts write what they find out side by side
	var used map[string]int64
	var unmeasured error
	update.Together(
		func() { used, unmeasured = s.engine.Memory(ctx, seen.Containers) },
		func() { state.MemoryGroups = s.engine.MemoryGroups(seen.Containers) },
		func() { state.Databases = s.databases(ctx, seen.Containers) },
		func() { state.Disk = s.disk(ctx, seen, changes) },
	)
	if unmeasured != nil {
		return // what the kernel told at once has to do
	}
	for i, c := range state.Containers {
		state.Containers[i].MemoryBytes = used[c.Name]
	}
}

// databases asks the database servers of the project how many connections they
// have left.
func (s *session) databases(ctx context.Context, containers []update.Container) []update.Database {
	var found []update.Database
	for _, service := range s.project.Services {
		if !service.RunsPostgres() {
			continue
		}
		for _, c := range containers {
			if c.Service != service.Name || !c.Running {
				continue
			}
			if limit, byAddress, err := s.engine.PostgresConnections(ctx, c.Name); err == nil {
				found = append(found, update.NewDatabase(service.Name, limit, byAddress, containers))
			}
			break
		}
	}
	return found
}

// disk looks at the room for new images; nil if none is built or pulled.
func (s *session) disk(ctx context.Context, state update.State, changes []change.Change) *update.Disk {
	fetches := false
	for _, c := range changes {
		fetches = fetches || c.Build || c.Pull
	}
	if !fetches {
		return nil
	}
	disk := &update.Disk{NewImages: map[string]update.NewImage{}}
	facts, err := s.engine.Facts(ctx)
	if err == nil {
		disk.Directory, disk.FreeBytes, err = facts.FreeDisk()
	}
	if err != nil {
		disk.Unknown = err.Error()
	}
	for _, c := range changes {
		if image, known := s.newImage(ctx, state, c); known {
			disk.NewImages[c.Service] = image
		}
	}
	return disk
}

// newImage judges what the next image of a service will take by what the last
// ones took: a build whose dependencies stay begins with the layers that are
// there.
func (s *session) newImage(ctx context.Context, state update.State, c change.Change) (update.NewImage, bool) {
	current := ""
	for _, container := range state.ContainersOf(c.Service) {
		current = cmp.Or(current, container.ImageID)
	}
	if current == "" || !c.Build && !c.Pull {
		return update.NewImage{}, false
	}
	if number, before := s.imageBefore(state, c.Service, current); before != "" && !c.Source.Dependencies {
		if bytes, err := s.engine.BytesBeyond(ctx, current, before); err == nil && bytes > 0 {
			return update.NewImage{Bytes: bytes, Like: fmt.Sprintf("as the image that runs added to that of release %d", number)}, true
		}
	}
	like := "as the image that runs"
	base := ""
	if c.Build {
		base = state.BaseIDs[c.Service]
	}
	if base != "" {
		like += " adds to its base"
	}
	bytes, err := s.engine.BytesBeyond(ctx, current, base)
	return update.NewImage{Bytes: bytes, Like: like}, err == nil && bytes > 0
}

// imageBefore is the image that an earlier release had for a service before the
// one that runs; empty if no release recorded one.
func (s *session) imageBefore(state update.State, serviceName, current string) (release int, imageID string) {
	if state.Release == nil {
		return 0, ""
	}
	for number := state.Release.Previous; number > 0; {
		earlier, err := s.store.Release(number)
		if err != nil {
			return 0, ""
		}
		if id := earlier.Services[serviceName].ImageID; id != "" && id != current {
			return number, id
		}
		if earlier.Previous >= number {
			return 0, ""
		}
		number = earlier.Previous
	}
	return 0, ""
}

// examineDisk says how much room there is for new images.
func examineDisk(x *examination, facts engine.Facts) {
	directory, free, err := facts.FreeDisk()
	switch {
	case err != nil:
		x.warn("disk", fmt.Sprintf("how much is free in %s is not known: %v", directory, err), "")
	case free < update.DiskTight:
		x.warn("disk", fmt.Sprintf("%s are free in %s", update.BytesText(free), directory), update.DiskHint)
	default:
		x.ok("disk", "%s are free in %s", update.BytesText(free), directory)
	}
}
