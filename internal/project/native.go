package project

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Upstreams is where the upstream files of a front are: on the host, and in its
// container. There is none where the edge takes the requests.
func (p *Project) Upstreams() (host, inside string, found bool) {
	if !p.Settings.Front.Enabled() {
		return "", "", false
	}
	front, _ := p.Service(p.Settings.Front.Service)
	host = filepath.Clean(absolute(p.Directory, p.Settings.Front.Upstreams))
	for _, volume := range front.Volumes {
		if volume.Kind != VolumeBind {
			continue
		}
		relative, err := filepath.Rel(volume.Source, host)
		if err == nil && filepath.IsLocal(relative) {
			return host, path.Join(volume.Target, filepath.ToSlash(relative)), true
		}
	}
	return host, "", false
}

// checkFront refuses settings under which an nginx could not pass requests on
// by itself.
func (c *checker) checkFront(p *Project, own map[string]ServiceSettings) {
	settings := p.Settings.Front
	if !settings.Enabled() {
		return
	}
	where := settingsKey + ".front"
	front, exists := p.Service(settings.Service)
	switch _, _, mounted := p.Upstreams(); {
	case settings.Service == "" || settings.Upstreams == "":
		c.fault(where, "write front: {service: nginx, upstreams: ./nginx/upstreams}", "front needs a service and its upstreams")
	case p.Settings.Edge.Enabled():
		c.fault(where, "remove one of them", "either the edge takes the requests or %s does", settings.Service)
	case !exists: // its name was refused already
	case !mounted:
		c.fault("services."+front.Name+".volumes", "add "+settings.Upstreams+":/etc/nginx/upstreams:ro, and to http { } of its configuration: include /etc/nginx/upstreams/*.conf; then gapless update "+front.Name+" begins it",
			"the directory %s of %s.upstreams is not mounted into %s", settings.Upstreams, where, front.Name)
	case front.Route != nil:
		c.fault("services."+front.Name+"."+settingsKey+".route", "remove the route", "%s passes the requests on, so it has no route itself", front.Name)
	}
	for _, service := range p.Services {
		if route := own[service.Name].Route; route != nil && (len(route.Hosts) > 0 || route.Path != "" && route.Path != "/" || route.On != ListenerAll) {
			c.fault("services."+service.Name+"."+settingsKey+".route", "leave port, health and smoke",
				"which requests %s gets is said by the configuration of %s", service.Name, settings.Service)
		}
	}
}

// isNginx tells whether a service runs nginx, or what was made of it and is
// called in the same way.
func (p *Project) isNginx(s Service) bool {
	return p.Settings.Front.Service == s.Name || slices.Contains([]string{"nginx", "openresty", "angie"}, strings.ToLower(frontOf(s.runs())))
}
