package project

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// WithServicesOf returns the project with the named services as an earlier
// state of it defines them, together with what they refer to. Services that
// one of the two does not have are left as they are.
func (p *Project) WithServicesOf(earlier *Project, names []string) *Project {
	mixed, model := *p, *p.Compose
	model.Services = maps.Clone(p.Compose.Services)
	mixed.Services = slices.Clone(p.Services)
	for i, service := range mixed.Services {
		before, known := earlier.Service(service.Name)
		if !known || !slices.Contains(names, service.Name) {
			continue
		}
		mixed.Services[i] = before
		config := earlier.Compose.Services[service.Name]
		config.CustomLabels = p.Compose.Services[service.Name].CustomLabels
		model.Services[service.Name] = config
	}
	model.Networks = withMissing[types.Networks](model.Networks, earlier.Compose.Networks)
	model.Volumes = withMissing[types.Volumes](model.Volumes, earlier.Compose.Volumes)
	model.Configs = withMissing[types.Configs](model.Configs, earlier.Compose.Configs)
	model.Secrets = withMissing[types.Secrets](model.Secrets, earlier.Compose.Secrets)
	mixed.Compose = &model
	return &mixed
}

// withMissing adds the entries that are only in the earlier map.
func withMissing[M ~map[string]V, V any](now, earlier M) M {
	all := maps.Clone(earlier)
	if all == nil {
		return now
	}
	maps.Copy(all, now)
	return all
}
