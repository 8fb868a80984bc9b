package cli

import (
	"cmp"
	"fmt"
	"slices"

	"gapless/internal/edge/wire"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// topView puts together what the engine, the edge and the journal know of the
// containers of a service.
type topView struct {
	run     *replay          // nil: no update is under way
	memory  map[string]int64 // by container
	targets map[string]wire.Target
	recent  counts // in the window
	total   counts // since the edge began
	seconds float64
}

// versions sorts the containers of a service into old and new, the old first.
// Requests that got no container, or one that is gone by now, come last.
func (v topView) versions(service string, containers []update.Container) []ui.TopVersion {
	fresh := newestOf(containers)
	if v.run != nil {
		fresh = madeBy(v.run.run, containers)
	}
	byKey := map[generationKey]*ui.TopVersion{}
	for _, c := range containers {
		version := ui.VersionOld
		if slices.ContainsFunc(fresh, func(f update.Container) bool { return f.ID == c.ID }) {
			version = ui.VersionNew
		}
		key := generationKey{version, v.generation(c)}
		if byKey[key] == nil {
			byKey[key] = &ui.TopVersion{Version: version, Generation: key.generation}
		}
		v.add(byKey[key], c)
	}
	found := []ui.TopVersion{}
	for _, version := range byKey {
		found = append(found, *version)
	}
	slices.SortFunc(found, func(a, b ui.TopVersion) int {
		return cmp.Or(-cmp.Compare(a.Version, b.Version), cmp.Compare(a.Generation, b.Generation))
	})
	if len(found) == 1 {
		found[0].Version = ""
	}
	return v.counted(service, found)
}

// generation is the release of a container as the edge has it; of one that it
// does not know yet, as the update has it. Empty: nobody says.
func (v topView) generation(c update.Container) string {
	if target, routed := v.targets[c.Name]; routed {
		return target.Generation
	}
	if v.run != nil && c.Run == v.run.run {
		return fmt.Sprint(v.run.plan.To)
	}
	return ""
}

func (v topView) add(version *ui.TopVersion, c update.Container) {
	one := ui.TopContainer{Name: c.Name, State: containerState(c)}
	if target, routed := v.targets[c.Name]; routed {
		one.Weight = &target.Weight
	}
	if used, measured := v.memory[c.Name]; measured {
		one.MemoryBytes = &used
		sum := used
		if version.MemoryBytes != nil {
			sum += *version.MemoryBytes
		}
		version.MemoryBytes = &sum
	}
	version.Containers = append(version.Containers, one)
}

func containerState(c update.Container) string {
	switch {
	case c.Restarting:
		return "restarting"
	case c.Running:
		return ui.StateRunning
	}
	return fmt.Sprintf("exited (%d)", c.ExitCode)
}

// counted gives each version its figures. Those of a generation belong to one
// row: containers that were changed without a new release share them.
func (v topView) counted(service string, versions []ui.TopVersion) []ui.TopVersion {
	if v.seconds == 0 {
		return versions
	}
	given := map[string]bool{"": true}
	for i := len(versions) - 1; i >= 0; i-- {
		generation := versions[i].Generation
		key := generationKey{service, generation}
		if _, known := v.total[key]; known && !given[generation] {
			versions[i].Traffic = topTraffic(v.recent[key], v.total[key], v.seconds)
			given[generation] = true
		}
	}
	for _, key := range v.keysOf(service) {
		now := v.total[key]
		busy := v.recent[key].Requests > 0 || now.Parked > 0 || now.InFlight > 0
		if busy && (key.generation == "" || !given[key.generation]) {
			version := ui.TopVersion{Version: ui.VersionNone, Generation: key.generation, Containers: []ui.TopContainer{}}
			if key.generation != "" {
				version.Version = ui.VersionOld
			}
			version.Traffic = topTraffic(v.recent[key], now, v.seconds)
			versions = append(versions, version)
		}
	}
	return versions
}

// keysOf lists the generations of a service that the edge has counted for.
func (v topView) keysOf(service string) []generationKey {
	var keys []generationKey
	for key := range v.total {
		if key.service == service {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b generationKey) int { return cmp.Compare(a.generation, b.generation) })
	return keys
}
