package health

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"gapless/internal/update"
)

// healthPaths are tried in this order when none is configured.
var healthPaths = []string{"/health/", "/healthz", "/health", "/up", "/ready", "/"}

// HealthPath returns the path that was found for a service; empty if none was
// looked for or found.
func (g *Gate) HealthPath(serviceName string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paths[serviceName]
}

// lookHTTP asks the configured path, or the one that was found.
func (g *Gate) lookHTTP(spec update.GateSpec, by send) look {
	return func(ctx context.Context, c update.Container) answer {
		path := spec.HealthPath
		if path == "" {
			path = g.HealthPath(spec.Service)
		}
		if path == "" {
			return g.discover(ctx, spec, c, by)
		}
		_, found := ask(ctx, spec, path, c, by)
		return found
	}
}

// discover tries the usual paths until one answers well. A path that is there
// and not well yet ends the search, so that the home page does not stand in
// for a health check that says no.
func (g *Gate) discover(ctx context.Context, spec update.GateSpec, c update.Container, by send) answer {
	var tried []string
	for _, path := range healthPaths {
		status, found := ask(ctx, spec, path, c, by)
		switch {
		case found.ok:
			g.mu.Lock()
			g.paths[spec.Service] = path
			g.mu.Unlock()
			found.text += fmt.Sprintf(" (%s is its health path)", path)
			return found
		case found.hopeless != "" || status == 0:
			return found
		case status >= http.StatusInternalServerError:
			found.text += fmt.Sprintf(" (at %s)", path)
			return found
		}
		tried = append(tried, fmt.Sprintf("%s %d", path, status))
	}
	return answer{text: "no health path was found (" + strings.Join(tried, ", ") + "); set route.health"}
}
