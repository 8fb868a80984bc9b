package engine

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/moby/moby/api/types/container"
)

// configHash is the value of the config-hash label that docker compose would
// give a container of the service now. References to other services are
// hashed as the container that they resolve to, as docker compose does.
func configHash(service types.ServiceConfig, existing []container.Summary) (string, error) {
	service.VolumesFrom = slices.Clone(service.VolumesFrom)
	for i, source := range service.VolumesFrom {
		name, _, _ := strings.Cut(source, ":")
		if name == "container" {
			service.VolumesFrom[i] = strings.Split(source, ":")[1]
		} else if id := firstContainer(existing, name); id != "" {
			service.VolumesFrom[i] = id
		}
	}
	service.NetworkMode = resolveNamespace(service.NetworkMode, existing)
	service.Ipc = resolveNamespace(service.Ipc, existing)
	service.Pid = resolveNamespace(service.Pid, existing)
	return compose.ServiceHash(service)
}

// resolveNamespace turns "service:name" into "container:id".
func resolveNamespace(mode string, existing []container.Summary) string {
	name, refers := strings.CutPrefix(mode, types.ServicePrefix)
	if !refers {
		return mode
	}
	if id := firstContainer(existing, name); id != "" {
		return types.ContainerPrefix + id
	}
	return mode
}

// firstContainer is the container of a service to which docker compose
// resolves a reference: the first by name.
func firstContainer(existing []container.Summary, serviceName string) string {
	var first *container.Summary
	for i, c := range existing {
		if c.Labels[labelService] != serviceName || c.Labels[labelOneOff] == "True" {
			continue
		}
		if first == nil || summaryName(c) < summaryName(*first) {
			first = &existing[i]
		}
	}
	if first == nil {
		return ""
	}
	return first.ID
}

// summaryName is the name of a container without links to it.
func summaryName(c container.Summary) string {
	for _, name := range c.Names {
		if strings.LastIndex(name, "/") == 0 {
			return name[1:]
		}
	}
	return c.ID
}
