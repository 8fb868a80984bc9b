package project

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// staticTarget is where a service has mounted what a front serves static files
// from. Where two mounts could be it, the one that is called so is; empty where
// it is not certain.
func (p *Project) staticTarget(service Service) string {
	var served, called []string
	for _, volume := range service.Volumes {
		if !p.servesStatic(volume) || !p.holdsFilesOnly(service, volume) {
			continue
		}
		served = append(served, volume.Target)
		if strings.Contains(strings.ToLower(volume.Source+" "+volume.Target), "static") {
			called = append(called, volume.Target)
		}
	}
	switch {
	case len(served) == 1:
		return path.Clean(served[0])
	case len(called) == 1:
		return path.Clean(called[0])
	}
	return ""
}

// holdsFilesOnly tells whether the command that collects can do without what is
// mounted: neither itself nor the source of the service lies there. A part of a
// volume is left out too, because no other container could be given the same.
func (p *Project) holdsFilesOnly(service Service, volume Volume) bool {
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
