package project

import (
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// references reports every name that is used and declared nowhere.
func (c *checker) references(model *types.Project) {
	for _, name := range sortedKeys(model.Services) {
		config := model.Services[name]
		path := "services." + name
		if config.Image == "" && config.Build == nil && config.Provider == nil {
			c.fault(path, "add image: or build:", "service %s has neither an image nor a build", name)
		}
		if config.ContainerName != "" && config.GetScale() > 1 {
			c.fault(path+".container_name", "remove container_name", "%d replicas cannot share the container_name %s", config.GetScale(), printable(config.ContainerName))
		}
		if config.NetworkMode != "" && len(config.Networks) > 0 {
			c.fault(path+".network_mode", "keep one of them", "network_mode and networks exclude each other")
		}
		for _, network := range sortedKeys(config.Networks) {
			c.declared(path+".networks."+network, "network", network, sortedKeys(model.Networks))
		}
		for i, volume := range config.Volumes {
			if volume.Type == types.VolumeTypeVolume && volume.Source != "" {
				c.declared(path+".volumes."+strconv.Itoa(i), "volume", volume.Source, sortedKeys(model.Volumes))
			}
		}
		for i, secret := range config.Secrets {
			c.declared(path+".secrets."+strconv.Itoa(i), "secret", secret.Source, sortedKeys(model.Secrets))
		}
		for i, object := range config.Configs {
			c.declared(path+".configs."+strconv.Itoa(i), "config", object.Source, sortedKeys(model.Configs))
		}
		c.dependencies(path, config, model)
	}
}

func (c *checker) declared(path, kind, name string, known []string) {
	if slices.Contains(known, name) {
		return
	}
	hint := "declare it under " + kind + "s:"
	if near := nearest(name, known); near != "" {
		hint = "did you mean " + near + "? else " + hint
	}
	c.fault(path, hint, "%s %s is not declared", kind, printable(name))
}

// dependencies checks depends_on. Waiting for the health of a service that
// switched its healthcheck off would never end.
func (c *checker) dependencies(path string, config types.ServiceConfig, model *types.Project) {
	for _, name := range sortedKeys(config.DependsOn) {
		dependency := config.DependsOn[name]
		here := path + ".depends_on." + name
		target, found := model.Services[name]
		if !found {
			if _, disabled := model.DisabledServices[name]; disabled || !dependency.Required {
				if dependency.Required {
					c.fault(here, "enable its profile, or write required: false", "service %s is needed but its profile is not active", printable(name))
				}
				continue
			}
			c.fault(here, suggestKey(name, sortedKeys(model.Services)), "service %s depends on %s, which does not exist", config.Name, printable(name))
			continue
		}
		if dependency.Condition != types.ServiceConditionHealthy {
			continue
		}
		switch {
		case isDisabledHealthcheck(target.HealthCheck):
			c.fault(here, "remove the condition, or give "+name+" a healthcheck", "waits until %s is healthy, but its healthcheck is disabled: it would wait for ever", name)
		case target.HealthCheck == nil:
			c.risk(here, "give "+name+" a healthcheck, unless its image has one", "waits until %s is healthy, which has no healthcheck in the compose file", name)
		}
	}
}

func isDisabledHealthcheck(config *types.HealthCheckConfig) bool {
	return config != nil && (config.Disable || (len(config.Test) > 0 && config.Test[0] == "NONE"))
}

// cycles reports dependencies that lead back to where they start.
func (c *checker) cycles(model *types.Project) {
	reported := map[string]bool{}
	for _, name := range sortedKeys(model.Services) {
		cycle := findCycle(model.Services, name)
		if cycle == nil || reported[name] {
			continue
		}
		for _, member := range cycle {
			reported[member] = true
		}
		c.fault("services."+name+".depends_on", "remove one of these dependencies", "depends_on goes round in a circle: %s", strings.Join(cycle, " -> "))
	}
}

func findCycle(services types.Services, start string) []string {
	visited := map[string]bool{}
	var search func(name string, way []string) []string
	search = func(name string, way []string) []string {
		for _, next := range sortedKeys(services[name].DependsOn) {
			if next == start {
				return append(way, next)
			}
			if visited[next] {
				continue
			}
			visited[next] = true
			if cycle := search(next, append(slices.Clone(way), next)); cycle != nil {
				return cycle
			}
		}
		return nil
	}
	return search(start, []string{start})
}
