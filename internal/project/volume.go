package project

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// countMounts counts in how many services each named volume or host path is
// mounted.
func countMounts(model *types.Project) map[string]int {
	counts := map[string]int{}
	for _, config := range model.Services {
		sources := map[string]bool{}
		for _, mount := range config.Volumes {
			if mount.Source != "" {
				sources[mount.Type+":"+mount.Source] = true
			}
		}
		for source := range sources {
			counts[source]++
		}
	}
	return counts
}

func buildVolumes(config types.ServiceConfig, mounts map[string]int) []Volume {
	var volumes []Volume
	for _, mount := range config.Volumes {
		kind, keep := volumeKind(mount)
		if !keep {
			continue
		}
		volumes = append(volumes, Volume{
			Source:   mount.Source,
			Target:   mount.Target,
			Kind:     kind,
			Writable: !mount.ReadOnly,
			Shared:   mounts[mount.Type+":"+mount.Source] > 1,
		})
	}
	for _, target := range config.Tmpfs {
		target, _, _ = strings.Cut(target, ":")
		volumes = append(volumes, Volume{Target: target, Kind: VolumeTmpfs, Writable: true})
	}
	return volumes
}

func volumeKind(mount types.ServiceVolumeConfig) (kind VolumeKind, keep bool) {
	switch mount.Type {
	case types.VolumeTypeVolume:
		if mount.Source == "" {
			return VolumeAnonymous, true
		}
		return VolumeNamed, true
	case types.VolumeTypeBind:
		return VolumeBind, true
	case types.VolumeTypeTmpfs:
		return VolumeTmpfs, true
	}
	return "", false
}

func mapKeys[K comparable, V any, M ~map[K]V](m M) iter.Seq[K] {
	return maps.Keys(m)
}

// sortedKeys returns the keys of a map in order, so that messages do not
// change their order from run to run.
func sortedKeys[V any, M ~map[string]V](m M) []string {
	return slices.Sorted(maps.Keys(m))
}
