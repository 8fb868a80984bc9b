package engine

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gapless/internal/update"
)

// unlimited is what no memory limit is above: a hierarchy of version 1 writes
// the largest number of pages where there is none.
const unlimited = 1 << 60

// MemoryGroups finds the control groups around running containers that have a
// memory limit, as of a slice or of a container that the engine itself runs in.
// The limit of a container for itself is none of them. It finds nothing where
// the control groups cannot be seen from here.
func (e *Engine) MemoryGroups(containers []update.Container) []update.MemoryGroup {
	if !isLocal(e.host) {
		return nil
	}
	found := map[string]update.MemoryGroup{}
	for _, c := range containers {
		if !c.Running {
			continue
		}
		for _, place := range groupsAround(c.PID) {
			group, known := found[place.path]
			if !known {
				limit, used, bounded := place.read()
				if !bounded {
					continue
				}
				group = update.MemoryGroup{Path: place.path, LimitBytes: limit, UsedBytes: used}
			}
			if !slices.Contains(group.Services, c.Service) {
				group.Services = append(group.Services, c.Service)
			}
			found[place.path] = group
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b update.MemoryGroup) int { return cmp.Compare(a.Path, b.Path) })
}

// groupPlace is where the kernel tells about a control group.
type groupPlace struct {
	cgroupPlace
	path   string   // below the root of the hierarchy
	limits []string // files; the lowest counts
}

// groupsAround lists the control groups that the container of a process is in,
// without its own.
func groupsAround(pid int) []groupPlace {
	own, found := memoryPlace(pid)
	if !found {
		return nil
	}
	return groupsAbove(filepath.Dir(own.usage), own)
}

// groupsAbove lists the parents of the control group in a directory, up to the
// root of its hierarchy.
func groupsAbove(directory string, own cgroupPlace) []groupPlace {
	root, limits := "/sys/fs/cgroup", []string{"memory.max", "memory.high"}
	if strings.HasSuffix(own.usage, "memory.usage_in_bytes") {
		root, limits = "/sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}
	}
	var places []groupPlace
	for directory != root && strings.HasPrefix(directory, root) {
		directory = filepath.Dir(directory)
		place := groupPlace{path: cmp.Or(strings.TrimPrefix(directory, root), "/"), cgroupPlace: cgroupPlace{
			usage:      filepath.Join(directory, filepath.Base(own.usage)),
			statistics: filepath.Join(directory, filepath.Base(own.statistics)),
			cacheField: own.cacheField,
		}}
		for _, name := range limits {
			place.limits = append(place.limits, filepath.Join(directory, name))
		}
		places = append(places, place)
	}
	return places
}

// read returns the limit of the group and what is used of it; bounded is false
// if it has none.
func (p groupPlace) read() (limit, used int64, bounded bool) {
	limit = unlimited
	for _, file := range p.limits {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// "max" is no number, and no limit.
		if value, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			limit = min(limit, value)
		}
	}
	if limit == unlimited {
		return 0, 0, false
	}
	used, bounded = p.cgroupPlace.read()
	return limit, used, bounded
}
