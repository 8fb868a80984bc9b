package project

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// fileNames are parts of the names of mounts that hold static files and nothing
// else. What is called data, or nothing in particular, may hold what the command
// itself needs.
var fileNames = []string{"static", "asset", "public", "dist", "www", "html"}

// staticTarget is where a service has mounted what a front serves static files
// from. Where two mounts could be it, the one that is called so is; empty where
// it is not certain.
func (p *Project) staticTarget(service Service) string {
	var likely, called []string
	for _, volume := range service.Volumes {
		// Of a directory of the host only the last part: the whole project may
		// lie in /var/www.
		name, target := strings.ToLower(filepath.Base(volume.Source)+" "+volume.Target), path.Clean(volume.Target)
		holdsFiles := slices.ContainsFunc(fileNames, func(part string) bool { return strings.Contains(name, part) })
		if !holdsFiles && !slices.Contains(service.Static, target) || !p.servesStatic(volume) || !p.dispensable(service, volume) {
			continue
		}
		likely = append(likely, target)
		if strings.Contains(name, "static") {
			called = append(called, target)
		}
	}
	switch {
	case len(likely) == 1:
		return likely[0]
	case len(called) == 1:
		return called[0]
	}
	return ""
}

// dispensable tells whether the command that collects can do without what is
// mounted: neither itself nor the source of the service lies there. A part of a
// volume is left out too, because no other container could be given the same.
func (p *Project) dispensable(service Service, volume Volume) bool {
	config, target := p.Compose.Services[service.Name], path.Clean(volume.Target)
	named := slices.ContainsFunc(service.Static, func(word string) bool {
		return path.Clean(word) != target && isBelow(path.Clean(word), target)
	})
	if named || isBelow(path.Clean(config.WorkingDir), target) || hasSubpath(config, volume.Target) {
		return false
	}
	if volume.Kind != VolumeBind {
		return true
	}
	source := filepath.Clean(volume.Source)
	if config.Build != nil && isBelow(filepath.Clean(config.Build.Context), source) {
		return false
	}
	_, isCode := findBelow(source, managePy, "django")
	return !isCode
}

// isBelow tells whether a path is a directory or lies in it.
func isBelow(name, directory string) bool {
	return name == directory || strings.HasPrefix(name, strings.TrimSuffix(directory, "/")+"/")
}

func hasSubpath(config types.ServiceConfig, target string) bool {
	return slices.ContainsFunc(config.Volumes, func(mount types.ServiceVolumeConfig) bool {
		return mount.Target == target && mount.Volume != nil && mount.Volume.Subpath != ""
	})
}
