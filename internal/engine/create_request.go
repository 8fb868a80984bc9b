package engine

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// createRequest is what an update wants different from the request that
// docker compose makes for a service on its own.
type createRequest struct {
	spec         update.CreateSpec
	reference    string                 // of the service's image
	dependencies string                 // of the whole project, because a narrowed one has none
	configHash   string                 // empty: as docker compose computed it
	inherited    []container.MountPoint // of the predecessor
	imageVolumes map[string]struct{}    // destinations that the image declares
	environment  []string               // of the image
	running      []place                // what running containers of the service have mounted at spec.Beside
}

// apply changes the request. It is the only place where a container of an
// update differs from one of docker compose.
func (r *createRequest) apply(options *client.ContainerCreateOptions) {
	composeName := options.Name
	options.Name = r.spec.Name
	config := *options.Config
	config.Labels = r.labels(config.Labels)
	if r.spec.ImageID != "" {
		config.Image = r.spec.ImageID
	}
	config.Env = withSession(config.Env, r.environment, r.spec.Session)
	options.Config = &config
	host := *options.HostConfig
	host.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyDisabled}
	host.Mounts = r.inherit(&host)
	options.HostConfig = &host
	r.standBeside(&config, &host)
	if r.spec.Network != "" {
		r.isolate(options, &host)
		return
	}
	if options.NetworkingConfig != nil {
		for _, endpoint := range options.NetworkingConfig.EndpointsConfig {
			r.adaptEndpoint(endpoint, composeName)
		}
	}
}

// labels are those of docker compose with what is ours, and what a narrowed
// project cannot say.
func (r *createRequest) labels(composed map[string]string) map[string]string {
	labels := maps.Clone(composed)
	if r.isOneOff() {
		labels[labelSlug] = slug(r.spec)
	} else {
		labels[labelNumber] = strconv.Itoa(r.spec.Number)
		labels[labelDependencies] = r.dependencies
	}
	if r.configHash != "" {
		labels[labelConfigHash] = r.configHash
	}
	maps.Copy(labels, ownLabels(r.spec))
	if r.spec.Trial {
		labels[LabelTrial] = composed[labelProject]
	}
	return labels
}

// adaptEndpoint changes the place of the container in a network.
func (r *createRequest) adaptEndpoint(endpoint *network.EndpointSettings, composeName string) {
	renameAlias(endpoint, composeName, r.spec.Name)
	if r.isOneOff() {
		freeAddress(endpoint)
	}
}

// renameAlias corrects the alias by which a container is found under its own
// name.
func renameAlias(endpoint *network.EndpointSettings, composeName, name string) {
	for i, alias := range endpoint.Aliases {
		if alias == composeName {
			endpoint.Aliases[i] = name
		}
	}
}

// inherit returns the mounts with the volumes of the predecessor at those
// destinations where the new container would get an empty anonymous one.
func (r *createRequest) inherit(host *container.HostConfig) []mount.Mount {
	mounts := slices.Clone(host.Mounts)
	for _, old := range r.inherited {
		if old.Type != mount.TypeVolume || boundTo(host.Binds, old.Destination) {
			continue
		}
		taken := mount.Mount{Type: mount.TypeVolume, Source: old.Name, Target: old.Destination, ReadOnly: !old.RW}
		at := slices.IndexFunc(mounts, func(m mount.Mount) bool { return m.Target == old.Destination })
		switch _, declared := r.imageVolumes[old.Destination]; {
		case at >= 0 && mounts[at].Type == mount.TypeVolume && mounts[at].Source == "":
			mounts[at] = taken
		case at < 0 && declared:
			mounts = append(mounts, taken)
		}
	}
	return mounts
}

// boundTo tells whether one of the binds has the destination.
func boundTo(binds []string, destination string) bool {
	return slices.ContainsFunc(binds, func(bind string) bool {
		_, there := splitBind(bind)
		return there == destination
	})
}

// dependenciesLabel is the label from which docker compose reads the order of
// services when it has no file, as in docker compose -p NAME down.
func dependenciesLabel(service types.ServiceConfig) string {
	var parts []string
	for name, dependency := range service.DependsOn {
		parts = append(parts, fmt.Sprintf("%s:%s:%t", name, dependency.Condition, dependency.Restart))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
