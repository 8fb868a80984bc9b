package project

import (
	"fmt"
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/distribution/reference"
	"go.yaml.in/yaml/v4"
)

// warn adds the findings: legal, running today, and costly or surprising.
func (c *checker) warn(p *Project) {
	for _, service := range p.Services {
		path := "services." + service.Name
		c.warnWeb(path, p, service)
		c.warnTag(path, p, service)
		if service.Role == RoleScheduler && service.Replicas > 1 {
			c.risk(path, "set replicas to 1", "%d replicas of a scheduler run every task %d times", service.Replicas, service.Replicas)
		}
		if p.Compose.Services[service.Name].Provider != nil {
			c.risk(path+".provider", "", "%s is run by a provider and is left alone", service.Name)
		}
	}
	c.warnName(p)
	c.warnRoutes(p)
	c.warnSocket(p)
	c.warnSharedData(p)
	for _, file := range c.index.sources {
		if file.root != nil {
			c.warnTraps(file)
		} else {
			c.risks.add(position{file: file.file}, "", "", "the file is empty")
		}
	}
}

// warnName points out a name that Compose had to change.
func (c *checker) warnName(p *Project) {
	if node := c.index.nodes["name"]; node != nil && !strings.Contains(node.Value, "$") && loader.NormalizeProjectName(node.Value) == p.Name && node.Value != p.Name {
		c.risk("name", "write name: "+p.Name, "project name %s is read as %s", printable(node.Value), p.Name)
	}
}

func (c *checker) warnWeb(path string, p *Project, service Service) {
	if service.Role != RoleWeb {
		return
	}
	if service.Healthcheck == nil && (service.Route == nil || service.Route.HealthPath == "") {
		c.risk(path, "add a healthcheck, or x-gapless.route.health", "%s has no healthcheck in the compose file: only its port can be probed", service.Name)
	}
	if check := service.Healthcheck; check != nil && len(check.Test) == 0 {
		c.risk(path+".healthcheck", "write a test, such as [CMD, curl, -f, http://localhost:8000/health/]", "the healthcheck of %s has no test of its own: it needs the one of its image", service.Name)
	}
	if service.Route == nil && len(service.HostPorts) > 0 {
		c.risk(path+".ports", "gapless init proposes the change that removes the gap",
			"%s publishes host port %d itself: two containers cannot bind it, so the old one stops first and there is a gap", service.Name, service.HostPorts[0].Host)
	}
	if service.ContainerName != "" {
		c.risk(path+".container_name", "remove container_name", "container_name %s can exist once, so the old container stops first", printable(service.ContainerName))
	}
}

// warnTag points out references that do not say which version runs.
func (c *checker) warnTag(path string, p *Project, service Service) {
	if p.Compose.Services[service.Name].Image == "" || service.Build {
		return
	}
	named, err := reference.ParseDockerRef(service.Image)
	if err != nil {
		return
	}
	if _, pinned := named.(reference.Digested); pinned {
		return
	}
	if tagged, ok := named.(reference.Tagged); ok && tagged.Tag() == "latest" {
		c.risk(path+".image", "name a version, such as "+reference.FamiliarName(named)+":1.2", "image %s does not say which version runs", printable(service.Image))
	}
}

func (c *checker) warnRoutes(p *Project) {
	var unrouted []string
	routed := false
	for _, service := range p.Services {
		routed = routed || service.Route != nil
		if service.Role == RoleWeb && service.Route == nil {
			unrouted = append(unrouted, service.Name)
		}
	}
	if routed && !p.Settings.Edge.Enabled() && !p.Settings.Front.Enabled() {
		c.risk(settingsKey, `add x-gapless: {edge: {http: ":80"}}`, "there is a route, but x-gapless.edge does not say where the edge listens")
	}
	if p.Settings.Edge.Enabled() && len(unrouted) > 0 {
		c.risk(settingsKey+".edge", "add x-gapless.route to those that the edge should serve", "no route leads to %s", strings.Join(unrouted, ", "))
	}
}

// warnSocket points out a mount that ends with the edge's present socket: the
// next edge makes another one of the same name.
func (c *checker) warnSocket(p *Project) {
	socket := p.Settings.Edge.Socket
	for _, service := range p.Services {
		for _, volume := range service.Volumes {
			if socket != "" && volume.Kind == VolumeBind && volume.Source == socket {
				c.risk("services."+service.Name+".volumes", "mount the directory "+path.Dir(socket),
					"%s mounts the socket itself: it loses it when the edge is started again", service.Name)
			}
		}
	}
}

func (c *checker) warnSharedData(p *Project) {
	writers := map[string]string{}
	for _, service := range p.Services {
		for _, volume := range service.Volumes {
			if service.Role != RoleStateful || volume.Kind != VolumeNamed || !volume.Writable {
				continue
			}
			if other, found := writers[volume.Source]; found && other != service.Name {
				c.risk("services."+service.Name+".volumes", "give each its own volume", "%s and %s both write volume %s", other, service.Name, volume.Source)
			}
			writers[volume.Source] = service.Name
		}
	}
}

// trapKeys are the places where a number is meant as text.
var trapKeys = []string{".environment.", ".labels.", ".args.", ".command", ".entrypoint", ".image", ".container_name", ".hostname", ".ports."}

// warnTraps points out plain values that YAML reads as something else than
// what is written: 0777 is 511, 1_000 is 1000, 1.10 is 1.1.
func (c *checker) warnTraps(file source) {
	index := newSourceIndex([]source{file})
	for _, path := range sortedKeys(index.nodes) {
		node := index.nodes[path]
		if node.Kind != yaml.ScalarNode || node.Style != 0 || !inTrapPlace(path) {
			continue
		}
		var value any
		if err := node.Decode(&value); err != nil {
			continue
		}
		switch value.(type) {
		case int, int64, uint64, float64:
			if read := fmt.Sprint(value); read != node.Value {
				c.risks.add(position{file.file, node.Line, node.Column}, path, "put it into quotes", "%s: %s is read as %s", path, shown(path, node.Value), shown(path, read))
			}
		}
	}
}

func inTrapPlace(path string) bool {
	for _, key := range trapKeys {
		if strings.Contains(path+".", key) {
			return true
		}
	}
	return false
}
