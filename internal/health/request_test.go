package health

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"gapless/internal/update"
)

// directSpec points a gate at a local server.
func directSpec(t *testing.T, server *httptest.Server, path string) (update.GateSpec, *fakeEngine) {
	t.Helper()
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, _ := strconv.Atoi(port)
	container := runningContainer()
	container.Addresses = []string{host}
	return update.GateSpec{Service: "api", Container: "shop-api-2", Kind: update.GateDirect, Port: number, Host: "shop.example",
		HealthPath: path, Timeout: time.Minute, Deadline: 2 * time.Minute, Successes: 2}, &fakeEngine{container: container}
}

// gateSays fails the test unless a probe or the verdict says what is wanted; nothing
// is wanted of a gate that passes. What is said ends the gate, not its deadline.
func gateSays(t *testing.T, engine *fakeEngine, spec update.GateSpec, want string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := false
	err := NewGate(engine, nil).Gate(ctx, spec, func(p update.Probe) {
		if want != "" && !p.OK && strings.Contains(p.Answer, want) {
			said = true
			cancel()
		}
	})
	said = said || want != "" && err != nil && strings.Contains(err.Error(), want)
	if said != (want != "") || (err == nil) != (want == "") {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestDirectProbe(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	site := http.NewServeMux()
	site.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example" || r.URL.RawQuery != "full=1" {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	site.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok?full=1", http.StatusFound) })
	site.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		for range 10_000 {
			if _, err := w.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	})
	site.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	site.HandleFunc("/hangs", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	site.HandleFunc("/cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(site)
	defer server.Close()
	for path, want := range map[string]string{
		"/ok?full=1": "", "/big": "",
		"/moved":   "302 to /ok?full=1: the health path redirects",
		"/endless": "its body did not end well: no answer within 200 ms",
		"/hangs":   "no answer within 200 ms",
		"/cut":     "connection closed without an answer",
		"//evil/":  "must start with one /",
		"@evil/":   "must start with one /",
	} {
		t.Run(path, func(t *testing.T) {
			spec, engine := directSpec(t, server, path)
			if strings.Contains(want, "200 ms") {
				spec.Timeout = 200 * time.Millisecond
			}
			gateSays(t, engine, spec, want)
		})
	}
}

func TestDirectProbeOfAnAddressThatIsNone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	spec, engine := directSpec(t, server, "/")
	server.Close()
	for address, want := range map[string]string{
		"127.0.0.1":       "connection refused",
		"169.254.169.254": "is not one that is probed",
		"0.0.0.0":         "is not one that is probed",
		"":                "it has no address",
	} {
		engine.container.Addresses = []string{address}
		gateSays(t, engine, spec, want)
	}
}
