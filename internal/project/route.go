package project

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// otherProtocols are well-known ports that do not speak HTTP.
var otherProtocols = []uint32{21, 22, 23, 25, 53, 110, 123, 143, 389, 445, 465, 587, 636, 853, 993, 995, 1433, 1521, 1883,
	2049, 2181, 3306, 3389, 4222, 5432, 5671, 5672, 5900, 6379, 8883, 9092, 11211, 27017, 51820}

func isHTTPPort(port types.ServicePortConfig) bool {
	return (port.Protocol == "" || port.Protocol == "tcp") && !slices.Contains(otherProtocols, port.Target)
}

// httpPort finds the container port that answers requests, the surest witness
// first; 0 when there is none.
func (e evidence) httpPort() int {
	if e.upstream.port > 0 {
		return e.upstream.port
	}
	if port := commandPort(e.config); port > 0 {
		return port
	}
	for _, port := range e.config.Ports {
		if isHTTPPort(port) {
			return int(port.Target)
		}
	}
	if address := healthAddress(e.service.Healthcheck); address.port > 0 {
		return address.port
	}
	for _, exposed := range e.config.Expose {
		number, protocol, _ := strings.Cut(exposed, "/")
		if protocol != "udp" && validPort(number) > 0 {
			return validPort(number)
		}
	}
	if frontOf(e.service.runs()) != "" {
		return 80
	}
	return 0
}

// address is an HTTP address that a healthcheck asks.
type address struct {
	port int
	path string
}

var healthURL = regexp.MustCompile(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d+)?[^\s"'|;)]*`)

func healthAddress(check *Healthcheck) address {
	if check == nil {
		return address{}
	}
	parsed, err := url.Parse(healthURL.FindString(strings.Join(check.Test, " ")))
	if err != nil || parsed.Host == "" {
		return address{}
	}
	port := validPort(parsed.Port())
	if port == 0 {
		port = 80
		if parsed.Scheme == "https" {
			port = 443
		}
	}
	return address{port: port, path: cmp.Or(parsed.Path, "/")}
}

// assignRoutes gives routes to web services: those that x-gapless describes,
// and the only other one when the project asks for an edge. A front that
// connects to the edge's socket and publishes nothing can only be meant to get
// the requests of the edge's port.
func assignRoutes(p *Project, settings map[string]ServiceSettings) {
	var candidates []int
	taken := false
	for i := range p.Services {
		service := &p.Services[i]
		own := settings[service.Name].Route
		sees := service.Role == RoleFront && p.SeesSocket(*service)
		if own != nil {
			service.Route = buildRoute(*service, *own, p.Settings)
			taken = taken || !sees && service.Route.Path == "/" && len(service.Route.Hosts) == len(p.Settings.Edge.Hosts)
			continue
		}
		if sees && p.Settings.Edge.both() && len(service.HostPorts) == 0 && service.HTTPPort > 0 {
			service.Route = buildRoute(*service, RouteSettings{}, p.Settings)
			continue
		}
		if service.Role == RoleWeb && service.HTTPPort > 0 {
			candidates = append(candidates, i)
		}
	}
	if (p.Settings.Edge.Enabled() || p.Settings.Front.Enabled()) && !taken && len(candidates) == 1 {
		service := &p.Services[candidates[0]]
		service.Route = buildRoute(*service, RouteSettings{}, p.Settings)
	}
	assignListeners(p)
}

func buildRoute(service Service, own RouteSettings, defaults Settings) *Route {
	route := &Route{
		Port:       cmp.Or(own.Port, service.HTTPPort),
		Path:       cmp.Or(own.Path, "/"),
		Hosts:      own.Hosts,
		HealthPath: own.Health,
		Smoke:      own.Smoke,
		On:         own.On,
	}
	if len(route.Hosts) == 0 {
		route.Hosts = slices.Clone(defaults.Edge.Hosts)
	}
	address := healthAddress(service.Healthcheck)
	if route.HealthPath == "" && address.port == route.Port {
		route.HealthPath = address.path
	}
	return route
}
