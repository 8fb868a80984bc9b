package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/edge/wire"
	"gapless/internal/health"
	"gapless/internal/project"
	"gapless/internal/update"
)

func frontedSession() *session {
	return &session{project: &project.Project{Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80", Socket: "/run/gapless/shop.sock"}}, Services: []project.Service{
		{Name: "api", Role: project.RoleWeb, Route: &project.Route{Path: "/", HealthPath: "/health", On: project.ListenerSocket}},
		{Name: "nginx", Role: project.RoleFront, Route: &project.Route{Path: "/", On: project.ListenerHTTP}},
	}}}
}

// TestUsersComeThroughTheFront: what a front passes on is looked at where the
// users are.
func TestUsersComeThroughTheFront(t *testing.T) {
	s := frontedSession()
	state := update.State{Routes: map[string]update.RouteState{
		"api": {Listeners: []string{"/run/gapless/shop.sock"}, Path: "/"}, "nginx": {Listeners: []string{":80"}, Path: "/"},
	}}
	want := []health.Target{{Service: "api", URL: "http://127.0.0.1:80/health"}, {Service: "nginx", URL: "http://127.0.0.1:80/"}}
	if diff := cmp.Diff(want, s.publicTargets(state)); diff != "" {
		t.Error(diff)
	}
	delete(state.Routes, "nginx")
	want = []health.Target{{Service: "api", Socket: "/run/gapless/shop.sock", URL: "http://localhost/health"}}
	if diff := cmp.Diff(want, s.publicTargets(state)); diff != "" {
		t.Error("before the front is there:", diff)
	}
}

func TestRequestsThatPassTwiceCountOnce(t *testing.T) {
	s := frontedSession()
	api, nginx := wire.GenerationStats{Service: "api", Requests: 5}, wire.GenerationStats{Service: "nginx", Requests: 5}
	if got := s.findPassedOn(wire.Stats{Generations: []wire.GenerationStats{api, nginx}}); !got["api"] || got["nginx"] {
		t.Errorf("passed on: %v", got)
	}
	if got := s.findPassedOn(wire.Stats{Generations: []wire.GenerationStats{api}}); got["api"] {
		t.Error("the requests of the api are forgotten before there is a front")
	}
}
