package change

import (
	"path/filepath"
	"slices"
	"strings"

	"gapless/internal/project"
)

// compareFiles compares what is mounted from the host with what was recorded
// when the containers were made or told to read it again. A mount that only
// one side knows says nothing: its coming and going is a matter of the
// configuration.
func (c *Change) compareFiles(p *project.Project, want Wanted, container Running) []Cause {
	var causes []Cause
	for _, target := range sortedTargets(want.Mounts) {
		was, recorded := container.Mounts[target]
		stale := slices.Contains(container.Stale, target)
		name := mountName(p, c.Service, target)
		switch {
		case recorded && was != want.Mounts[target]:
			causes = append(causes, Cause{KindFiles, name + " changed (mounted)"})
		case !recorded && stale:
			causes = append(causes, Cause{KindFiles, name + " was replaced on the host, the container has the old one (mounted)"})
		default:
			continue
		}
		c.Files = addName(c.Files, target)
		if stale || slices.Contains(container.Injected, target) {
			c.Stale = addName(c.Stale, target)
		}
	}
	return causes
}

func sortedTargets(mounts map[string]string) []string {
	var targets []string
	for target := range mounts {
		targets = append(targets, target)
	}
	slices.Sort(targets)
	return targets
}

func addName(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// mountName is the path of a mount on the host, from the project directory if
// it lies there; its place in the container if it is no bind mount.
func mountName(p *project.Project, serviceName, target string) string {
	service, _ := p.Service(serviceName)
	for _, volume := range service.Volumes {
		if volume.Target != target || volume.Source == "" {
			continue
		}
		if relative, err := filepath.Rel(p.Directory, volume.Source); err == nil && !strings.HasPrefix(relative, "..") {
			return relative
		}
		return volume.Source
	}
	return target
}
