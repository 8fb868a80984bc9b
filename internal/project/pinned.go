package project

import "maps"

// WithImages returns the project as a release ran it: each named service with
// the given image reference, and nothing to be built.
func (p *Project) WithImages(images map[string]string) *Project {
	pinned, model := *p, *p.Compose
	model.Services = maps.Clone(p.Compose.Services)
	pinned.Compose = &model
	pinned.Services = append([]Service(nil), p.Services...)
	for i, service := range pinned.Services {
		pinned.Services[i].Build = false
		image, known := images[service.Name]
		if !known || image == service.Image {
			continue
		}
		pinned.Services[i].Image = image
		config := model.Services[service.Name]
		config.Image = image
		model.Services[service.Name] = config
	}
	return &pinned
}
