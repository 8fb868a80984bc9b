package engine

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// fakeEngine answers pings with an API version.
func fakeEngine(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", version)
	}))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return "unix://" + path
}

func TestConnectToAnOldEngine(t *testing.T) {
	_, err := Connect(context.Background(), Options{Host: fakeEngine(t, "1.40")})
	trouble, ok := err.(*ConnectError)
	if !ok || trouble.Trouble != TroubleOld || trouble.Version != "1.40" {
		t.Fatalf("got %#v", err)
	}
	e, err := Connect(context.Background(), Options{Host: fakeEngine(t, MinimumAPI)})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RequireLocal(); err != nil {
		t.Error(err)
	}
}

// The address is found as the docker command finds it.
func TestEndpointHost(t *testing.T) {
	directory := t.TempDir()
	t.Setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("HOME", directory)
	e, err := prepare(Options{})
	if err != nil {
		t.Fatal(err)
	}
	refused, ok := e.RequireLocal().(*ConnectError)
	if !ok || refused.Trouble != TroubleRemote || e.Host() != "tcp://192.0.2.1:2375" {
		t.Errorf("%s: %v", e.Host(), refused)
	}
	os.Unsetenv("DOCKER_HOST")
	if e, err = prepare(Options{}); err != nil || e.RequireLocal() != nil {
		t.Errorf("default: %s %v", e.Host(), err)
	}
	t.Setenv("DOCKER_CONTEXT", "nowhere")
	if _, err := prepare(Options{}); err == nil {
		t.Error("a context that does not exist was taken")
	}
	if e, err := prepare(Options{Host: "unix:///other.sock"}); err != nil || e.Host() != "unix:///other.sock" {
		t.Errorf("host beats context of the environment: %v", err)
	}
}

// Every trouble has words and a hint.
func TestConnectErrorsHaveHints(t *testing.T) {
	for _, trouble := range []Trouble{TroubleContext, TroubleMissing, TroublePermission, TroubleOld, TroubleSilent, TroubleRemote, TroubleRootless, TroubleSwarm} {
		e := &ConnectError{Trouble: trouble, Host: "unix:///docker.sock"}
		if e.Hint() == "" || e.Error() == "" {
			t.Errorf("%s has no words", trouble)
		}
	}
}
