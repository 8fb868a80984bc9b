// Package project turns compose files and their x-gapless settings into one
// validated Project: every file is checked before it is trusted, every value
// is resolved exactly as `docker compose` resolves it, and every service has a
// role with the reason for it in words.
//
// It owns reading and judging input files. It must not talk to Docker, to the
// network or to a terminal, start a process, or change a file: a Proposal is
// text, and whoever asked for it writes it.
package project

import (
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
)

// Project is a compose application that is safe to plan with.
type Project struct {
	Name        string
	Directory   string   // absolute project directory
	Files       []string // absolute compose files, in merge order
	EnvFiles    []string // absolute files given by --env-file, not the default .env
	Services    []Service
	Settings    Settings
	Maintenance Maintenance
	Findings    []Finding // risks that do not stop an update

	// Compatibility is set by COMPOSE_COMPATIBILITY: names are joined with "_"
	// instead of "-".
	Compatibility bool

	// Compose is what the Compose SDK is given. It carries the labels that
	// `docker compose` writes, in CustomLabels of each service.
	Compose *types.Project

	sources         []source            // as they were read, for Propose
	serviceEnvFiles map[string][]string // absolute, by service
}

// Finding is a risk that an update can live with.
type Finding struct {
	Problem
}

// Service returns the service of that name.
func (p *Project) Service(serviceName string) (Service, bool) {
	for _, service := range p.Services {
		if service.Name == serviceName {
			return service, true
		}
	}
	return Service{}, false
}

// Inactive tells whether a service exists in a profile only that is not active
// now.
func (p *Project) Inactive(serviceName string) bool {
	if p.Compose == nil {
		return false
	}
	_, inactive := p.Compose.DisabledServices[serviceName]
	return inactive
}

// Dependents returns the services that directly depend on the named one, in
// the order of p.Services.
func (p *Project) Dependents(serviceName string) []string {
	var names []string
	for _, service := range p.Services {
		for _, dependency := range service.DependsOn {
			if dependency == serviceName {
				names = append(names, service.Name)
			}
		}
	}
	return names
}

// ContainerNameOf returns the name that Compose gives to the container of that
// number, unless the service has a container_name.
func (p *Project) ContainerNameOf(serviceName string, number int) string {
	return p.Name + p.separator() + serviceName + p.separator() + strconv.Itoa(number)
}

// separator joins the project name with the name of a service or a container.
func (p *Project) separator() string {
	if p.Compatibility {
		return "_"
	}
	return "-"
}
