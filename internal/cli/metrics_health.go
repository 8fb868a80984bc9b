package cli

import (
	"context"
	"io"
	"net/http"
	"strings"

	"gapless/internal/edge/wire"
	"gapless/internal/edgectl"
	"gapless/internal/update"
)

// maxHealthBytes is how much of an answer is read.
const maxHealthBytes = 64 << 10

// healthMetric asks each container that gets requests for its health path, through
// the edge, all at the same time.
func (s *session) healthMetric(ctx context.Context, page *exposition, client *edgectl.Client) {
	state, err := client.State(ctx, s.project.Name)
	if err != nil {
		return // not known is not unhealthy
	}
	type asked struct {
		service, container string
		healthy            float64
	}
	var targets []*asked
	var acts []func()
	for _, service := range state.Services {
		if service.HealthPath == "" {
			continue
		}
		for _, target := range service.Targets {
			one := &asked{service: service.Name, container: target.ID}
			targets = append(targets, one)
			acts = append(acts, func() {
				if s.answersWell(ctx, client, service, target.ID) {
					one.healthy = 1
				}
			})
		}
	}
	update.Together(acts...)
	page.metric("gapless_target_healthy", "gauge", "1 if the container answers its health path with 2xx, asked through the edge.")
	for _, one := range targets {
		page.sample("gapless_target_healthy", one.healthy, "project", s.project.Name, "service", one.service, "container", one.container)
	}
}

func (s *session) answersWell(ctx context.Context, client *edgectl.Client, service wire.Service, container string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+service.HealthPath, nil)
	if err != nil {
		return false
	}
	if len(service.Hosts) > 0 {
		request.Host = strings.Replace(service.Hosts[0], "*.", "www.", 1)
	}
	request.Header.Set("User-Agent", "gapless-probe")
	response, err := client.Probe(s.project.Name, service.Name, container).RoundTrip(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxHealthBytes))
	return response.StatusCode >= 200 && response.StatusCode < 300
}
