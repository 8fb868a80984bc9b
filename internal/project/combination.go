package project

import (
	"cmp"
	"net"
	"slices"
	"strconv"
)

// combinations refuses settings that are each valid and contradict each other.
func (c *checker) combinations(p *Project, own map[string]ServiceSettings) {
	for _, service := range p.Services {
		path := "services." + service.Name + "." + settingsKey
		settings := own[service.Name]
		if settings.Route != nil && service.Role != RoleWeb && service.Role != RoleFront {
			c.fault(path+".route", "remove the route, or set role: web", "a %s takes no requests, so it cannot have a route", service.Role)
		}
		if settings.Route != nil && service.Route.Port == 0 {
			c.fault(path+".route", "add port: with the container port that speaks HTTP", "the port of the route is not known")
		}
		c.overlap(path, service, settings)
		if reload := settings.Reload; reload != nil && (reload.Signal == "") == (len(reload.Command) == 0) {
			c.fault(path+".reload", "write one of the two", "reload needs either a signal or a command")
		}
	}
	c.checkListeners(p, own)
	c.checkFront(p, own)
	c.uniqueRoutes(p)
	c.edge(p)
}

func (c *checker) overlap(path string, service Service, settings ServiceSettings) {
	wish := ""
	if settings.Overlap != nil && *settings.Overlap {
		wish = "overlap"
	}
	if settings.Order == OrderStartFirst {
		wish = "order"
	}
	if wish == "" {
		return
	}
	trusted := service
	yes := true
	trusted.Overlap = &yes
	if settings.Overlap != nil && !*settings.Overlap {
		c.fault(path+".order", "remove one of them", "order: start-first and overlap: false contradict each other")
		return
	}
	if reason, cannot := trusted.CannotOverlap(); cannot {
		c.fault(path+"."+wish, "remove the reason, or this setting", "two containers of %s cannot run at once: %s", service.Name, reason)
	}
	if service.Role == RoleScheduler {
		c.fault(path+"."+wish, "remove this setting, or set another role", "two schedulers would run every task twice")
	}
}

// uniqueRoutes refuses two services that take the same requests on the same
// listener.
func (c *checker) uniqueRoutes(p *Project) {
	owners := map[string]string{}
	for _, service := range p.Services {
		if service.Route == nil || p.Settings.Front.Enabled() {
			continue
		}
		for _, host := range atLeast(service.Route.Hosts, "*") {
			var clash string
			for _, address := range atLeast(p.Settings.Edge.Addresses(service.Route.On), "") {
				key := address + " " + host + service.Route.Path
				clash = cmp.Or(owners[key], clash)
				owners[key] = service.Name
			}
			if clash != "" {
				c.fault("services."+service.Name+"."+settingsKey+".route", "give one of them another path or host",
					"%s and %s both take the requests for host %s path %s", clash, service.Name, host, service.Route.Path)
			}
		}
	}
}

// atLeast is a list, or one with the given entry where it is empty.
func atLeast(list []string, entry string) []string {
	if len(list) == 0 {
		return []string{entry}
	}
	return list
}

// edge refuses addresses that somebody else in the project owns.
func (c *checker) edge(p *Project) {
	edge := p.Settings.Edge
	if edge.HTTP != "" && edge.HTTP == edge.HTTPS {
		c.fault(settingsKey+".edge.https", "use another port", "http and https cannot share %s", edge.HTTP)
	}
	for _, key := range []string{"http", "https"} {
		address := edge.HTTP
		if key == "https" {
			address = edge.HTTPS
		}
		host, portText, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		number, _ := strconv.Atoi(portText)
		wanted := Port{Host: number, HostIP: host, Protocol: "tcp"}
		for _, service := range p.Services {
			clash := slices.ContainsFunc(service.HostPorts, wanted.clashes)
			if clash && service.Replicas > 0 {
				c.fault("services."+service.Name+".ports", "remove the published port, the edge takes its place",
					"host port %d is published by %s and wanted by %s.edge.%s", number, service.Name, settingsKey, key)
			}
		}
	}
}
