package project

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// upstream says that a front passes requests on to a service.
type upstream struct {
	front string // name of the front's service
	port  int    // 0 when the front does not say it
	hosts []string
}

// findUpstreams returns which services stand behind a front, by the files that
// are mounted into it, by the labels that Traefik and caddy-docker-proxy read,
// and by the variables that nginx-proxy reads.
func findUpstreams(p *Project) map[string]upstream {
	found := map[string]upstream{}
	for _, service := range p.Services {
		if frontOf(service.runs()) == "" {
			continue
		}
		for name, port := range mountedUpstreams(p, service) {
			found[name] = upstream{front: service.Name, port: port}
		}
	}
	for _, service := range p.Services {
		if _, known := found[service.Name]; known || frontOf(service.runs()) != "" {
			continue
		}
		if labelled, ok := labelledUpstream(p, service); ok {
			found[service.Name] = labelled
		}
	}
	return found
}

// passedTo matches the directives of nginx, Caddy, HAProxy and Apache that
// name another service: `proxy_pass http://api:8000`, `server api:8000`,
// `reverse_proxy api:8000`, `server s1 api:8000`, `uwsgi_pass api:8000`.
var passedTo = regexp.MustCompile(`(?m)^[^#\n]*?\b(?:proxy_pass|grpc_pass|uwsgi_pass|fastcgi_pass|server|reverse_proxy|ProxyPass\s+\S+|php_fastcgi|to)\s+(?:[\w-]+\s+)?(?:\w+://)?([A-Za-z0-9][\w.-]*)(?::(\d{1,5}))?`)

func mountedUpstreams(p *Project, front Service) map[string]int {
	ports := map[string]int{}
	for _, file := range frontFiles(p, front) {
		for _, match := range passedTo.FindAllStringSubmatch(file.text, -1) {
			if other, exists := p.Service(match[1]); exists && other.Name != front.Name {
				if port := validPort(match[2]); port > 0 || ports[other.Name] == 0 {
					ports[other.Name] = port
				}
			}
		}
	}
	for name, port := range ports {
		if port == 0 && p.Settings.Front.Service != front.Name { // else it is the name of an upstream
			ports[name] = 80
		}
	}
	return ports
}

// unixSocket matches how nginx, HAProxy and Caddy name a unix socket:
// `unix:/path`, `unix@/path`, `unix//path`.
var unixSocket = regexp.MustCompile(`\bunix[:@/](/[^\s;:,{}"']+)`)

// passesToEdge tells whether the configuration that is mounted into a front
// names the socket of the edge, under the path that it has in the container.
func passesToEdge(p *Project, front Service) bool {
	socket := p.Settings.Edge.Socket
	if socket == "" {
		return false
	}
	for _, file := range frontFiles(p, front) {
		for _, match := range unixSocket.FindAllStringSubmatch(file.text, -1) {
			if hostPath(front, match[1]) == path.Clean(socket) {
				return true
			}
		}
	}
	return false
}

// hostPath is where a path of a container is on the host; empty if it is not.
func hostPath(service Service, inside string) string {
	for _, volume := range service.Volumes {
		rest, below := strings.CutPrefix(path.Clean(inside), strings.TrimSuffix(path.Clean(volume.Target), "/")+"/")
		if below && volume.Kind == VolumeBind {
			return path.Join(volume.Source, rest)
		}
	}
	return ""
}

var hostRule = regexp.MustCompile(`Host\(([^)]*)\)`)

func labelledUpstream(p *Project, service Service) (upstream, bool) {
	config := p.Compose.Services[service.Name]
	result := upstream{}
	for _, key := range slices.Sorted(mapKeys(config.Labels)) {
		value := config.Labels[key]
		switch {
		case strings.HasPrefix(key, "traefik.http.services.") && strings.HasSuffix(key, ".loadbalancer.server.port"):
			result.front, result.port = "traefik", validPort(value)
		case strings.HasPrefix(key, "traefik.http.routers."):
			result.front = "traefik"
			for _, match := range hostRule.FindAllStringSubmatch(value, -1) {
				result.hosts = append(result.hosts, splitHosts(match[1])...)
			}
		case key == "traefik.enable" && value == "true":
			result.front = "traefik"
		case key == "caddy":
			result.front = "caddy"
			result.hosts = splitHosts(value)
		}
	}
	if hosts := config.Environment["VIRTUAL_HOST"]; hosts != nil && *hosts != "" {
		result.front, result.hosts = "nginx-proxy", splitHosts(*hosts)
		if port := config.Environment["VIRTUAL_PORT"]; port != nil {
			result.port = validPort(*port)
		}
	}
	return result, result.front != ""
}

// splitHosts returns the plain host names of a list; patterns are left out.
func splitHosts(list string) []string {
	var hosts []string
	for _, host := range strings.FieldsFunc(list, func(char rune) bool { return strings.ContainsRune(", `\"|", char) }) {
		if hostPattern.MatchString(host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
