package cli

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"gapless/internal/health"
	"gapless/internal/project"
)

// TestProbesGoThroughTheFront: users reach an nginx with a port, so that a gap of
// its own counts; one that does not pass a request on says nothing of them.
func TestProbesGoThroughTheFront(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	address, _ := url.Parse(server.URL)
	port, _ := strconv.Atoi(address.Port())
	nginx := project.Service{Name: "nginx", Role: project.RoleFront, HostPorts: []project.Port{{Host: port, Container: 80, Protocol: "tcp"}},
		Volumes: []project.Volume{{Source: "/run/gapless", Target: "/run/gapless", Kind: project.VolumeBind}}}
	s := &session{project: &project.Project{Services: []project.Service{nginx},
		Settings: project.Settings{Edge: project.EdgeSettings{Socket: "/run/gapless/shop.sock"}}}}
	socket := health.Target{Service: "api", URL: "http://localhost/health", Socket: "/run/gapless/shop.sock"}
	public := health.Target{Service: "web", URL: "http://127.0.0.1:1/"}

	got := s.throughFronts(t.Context(), []health.Target{socket, public})
	want := health.Target{Service: "api", URL: "http://127.0.0.1:" + address.Port() + "/health", Front: true}
	if got[0] != want || got[1] != public {
		t.Errorf("%+v", got)
	}
	status = http.StatusBadGateway
	if got := s.throughFronts(t.Context(), []health.Target{socket}); got[0] != socket {
		t.Errorf("a front that answers %d is asked: %+v", status, got)
	}
	server.Close()
	if got := s.throughFronts(t.Context(), []health.Target{socket}); got[0] != socket {
		t.Errorf("a front that does not answer is asked: %+v", got)
	}
}
