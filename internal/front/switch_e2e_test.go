//go:build e2e

package front

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gapless/internal/update"
)

// TestRealNginxSwitches moves the requests to and fro under load: once a switch
// has returned, the other container gets all that is new, nothing fails, and
// what is in hand keeps the old one.
func TestRealNginxSwitches(t *testing.T) {
	n := startNginx(t)
	router := n.router()
	old, finish := backend(t, "old")
	fresh, _ := backend(t, "fresh")
	if err := router.Routes(t.Context(), to("old", old)); err != nil {
		t.Fatal(err)
	}
	n.start()
	asked, stop := n.load()
	slow := make(chan string, 1)
	go func() { text, _ := n.ask("/slow"); slow <- text }()
	for end := time.Now().Add(10 * time.Second); asked.Load() < 50 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if err := router.Routes(t.Context(), to("fresh", fresh)); err != nil {
		t.Fatal(err)
	}
	if text, err := n.ask("/"); text != "fresh" || err != nil {
		t.Errorf("after the switch %q answers, %v", text, err)
	}
	if left, err := router.InFlight(t.Context(), "old"); left == 0 || err != nil {
		t.Errorf("%d in flight while a request is, %v", left, err)
	}
	finish()
	if text := <-slow; text != "old" {
		t.Errorf("the request in hand got %q", text)
	}
	if left := idle(t, router, "old"); left != 0 {
		t.Errorf("%d in flight after the last answer", left)
	}
	for i := range 10 {
		target := [][]update.RouteChange{to("old", old), to("fresh", fresh)}[i%2]
		if err := router.Routes(t.Context(), target); err != nil {
			t.Fatal(err)
		}
	}
	failed := stop()
	t.Logf("%d requests, %d failed, 11 switches", asked.Load(), failed)
}

// switchAndDie does what a switch does before it waits for anything.
func (n *realNginx) switchAndDie(name, address string) {
	n.t.Helper()
	r := n.router()
	was, _, err := r.files.read()
	wanted := map[string]string{"api": upstreamOf(to(name, address)[0]).text(true, func(string) bool { return true })}
	if err = errors.Join(err, r.files.replace(was, wanted), r.nginx.run(n.t.Context(), "nginx", []string{"nginx", "-c", n.file()}, "-s", "reload")); err != nil {
		n.t.Fatal(err)
	}
}

// TestRealNginxTakenBack: a switch is cut off while nginx reloads and taken back by
// somebody who knows nothing of it. Once he says that nobody passes requests on to
// the other container any more, it can stop.
func TestRealNginxTakenBack(t *testing.T) {
	n := startNginx(t)
	old, _ := backend(t, "old")
	if err := n.router().Routes(t.Context(), to("old", old)); err != nil {
		t.Fatal(err)
	}
	n.start()
	asked, stop := n.load()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	const times = 15
	for range times {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(30 * time.Millisecond)
			fmt.Fprint(w, "fresh")
		}))
		n.switchAndDie("fresh", server.Listener.Addr().String())
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		heir := n.router()
		if err := heir.Routes(t.Context(), to("old", old)); err != nil {
			t.Fatal(err)
		}
		idle(t, heir, "fresh")
		server.CloseClientConnections()
		server.Close()
	}
	failed := stop()
	t.Logf("seed %d: %d requests, %d failed, %d switches taken back", seed, asked.Load(), failed, times)
}

// idle waits until nobody may pass a request on to a container.
func idle(t *testing.T, router *Router, name string) (left int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if left, err = router.InFlight(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
	}
	return left
}

// TestRealNginxRefuses: what nginx does not take, or does not read, is put back,
// with its words, and it goes on as before.
func TestRealNginxRefuses(t *testing.T) {
	n := startNginx(t)
	router := n.router()
	router.nginx.live = 3 * time.Second // nothing tells a reload that failed from one that takes long
	old, _ := backend(t, "old")
	fresh, _ := backend(t, "fresh")
	if err := router.Routes(t.Context(), to("old", old)); err != nil {
		t.Fatal(err)
	}
	n.start()
	text, err := os.ReadFile(n.file())
	if err != nil {
		t.Fatal(err)
	}
	stays := func(when string) {
		t.Helper()
		if text, err := n.ask("/"); text != "old" || err != nil {
			t.Errorf("%s: %q answers, %v", when, text, err)
		}
		if file, _ := os.ReadFile(filepath.Join(n.directory, "upstreams/api.conf")); !strings.Contains(string(file), old) {
			t.Errorf("%s: the file is not the one of before:\n%s", when, file)
		}
	}
	if err := os.WriteFile(n.file(), []byte(strings.Replace(string(text), "proxy_pass", "prox_pass", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	var failed *update.GateError
	if err := router.Routes(t.Context(), to("fresh", fresh)); !errors.As(err, &failed) || !strings.Contains(strings.Join(failed.Logs, "\n"), `unknown directive "prox_pass"`) {
		t.Errorf("%v", err)
	}
	stays("a broken file")

	if err := os.WriteFile(n.file(), []byte(strings.Replace(string(text), "include", "upstream api { server "+old+"; } #", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	var unread *IncludeError
	if err := router.Routes(t.Context(), to("fresh", fresh)); !errors.As(err, &unread) {
		t.Errorf("%v", err)
	}
	stays("no include")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := os.WriteFile(n.file(), []byte(strings.Replace(string(text), "listen ", "listen "+taken.Addr().String()+"; listen ", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := router.Routes(t.Context(), to("fresh", fresh)); !errors.As(err, &failed) || !strings.Contains(strings.Join(failed.Logs, "\n"), "Address already in use") {
		t.Errorf("%v", err)
	}
	stays("a port that is taken")
}
