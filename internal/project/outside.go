package project

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// OutsideSource lists the absolute paths that may lie in the build context of a
// service and belong to the deployment rather than to the program: a change of
// them gives no new image, whatever the Dockerfile copies.
func (p *Project) OutsideSource(serviceName string) []string {
	paths := slices.Clone(p.Files)
	for _, read := range p.sources {
		paths = append(paths, read.file)
	}
	// Compose puts these into the environment of the container.
	paths = append(paths, p.serviceEnvFiles[serviceName]...)
	own := p.Compose.Services[serviceName]
	for _, other := range p.Services {
		config := p.Compose.Services[other.Name]
		if runsOwnCode(other) {
			continue
		}
		if dockerfile := dockerfilePath(config.Build); dockerfile != "" && dockerfile != dockerfilePath(own.Build) {
			paths = append(paths, dockerfile)
		}
		for _, mount := range config.Volumes {
			if mount.Type == types.VolumeTypeBind && (other.Role == RoleStateful || isConfiguration(mount) || mountsWritable(own, mount.Source)) {
				paths = append(paths, filepath.Clean(mount.Source))
			}
		}
	}
	for _, name := range sortedKeys(p.Compose.Configs) {
		paths = append(paths, fileOf(p.Compose.Configs[name].File)...)
	}
	for _, name := range sortedKeys(p.Compose.Secrets) {
		paths = append(paths, fileOf(p.Compose.Secrets[name].File)...)
	}
	// A path that holds the whole context would leave out everything.
	return slices.DeleteFunc(paths, func(path string) bool {
		return own.Build != nil && strings.HasPrefix(filepath.Clean(own.Build.Context)+"/", path+"/")
	})
}

// isConfiguration tells a mounted file, or a directory of them, from content
// that the program brings along.
func isConfiguration(mount types.ServiceVolumeConfig) bool {
	return holdsConfiguration(mount.Target) || filepath.Ext(mount.Target) != ""
}

// mountsWritable tells whether a service writes to a directory of the host: what
// lies there is made by the running program.
func mountsWritable(config types.ServiceConfig, source string) bool {
	return slices.ContainsFunc(config.Volumes, func(mount types.ServiceVolumeConfig) bool {
		return mount.Type == types.VolumeTypeBind && mount.Source == source && !mount.ReadOnly
	})
}

func fileOf(path string) []string {
	if path == "" {
		return nil
	}
	return []string{filepath.Clean(path)}
}

// envFilesOf lists the environment files of each service, which the loader
// drops once it has read them.
func envFilesOf(model *types.Project) map[string][]string {
	files := map[string][]string{}
	for name, config := range model.Services {
		for _, file := range config.EnvFiles {
			files[name] = append(files[name], filepath.Clean(file.Path))
		}
	}
	return files
}
