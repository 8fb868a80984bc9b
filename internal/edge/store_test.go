package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/edge/wire"
)

func TestConflictsAreRefusedWithBothNames(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "shop") })
	e := start(t, wire.Limits{}, at("web-1", app))
	other := wire.ProjectConfig{
		Project: "blog", Listeners: e.config.Listeners,
		Services: []wire.Service{{Name: "front", Targets: []wire.Target{at("blog-1", app)}}},
	}
	before := e.current.Load()
	_, err := e.put(other, false, 0)
	if !errors.Is(err, errConflict) || !strings.Contains(err.Error(), `"blog"`) || !strings.Contains(err.Error(), `"shop"`) {
		t.Fatalf("got %v", err)
	}
	if e.current.Load() != before {
		t.Fatal("a refused put changed the snapshot")
	}
	other.Services[0].Hosts = []string{"Blog.test"}
	other.Services = append(other.Services, wire.Service{Name: "twin", Hosts: []string{"blog.test"}})
	if _, err := e.put(other, false, 0); !errors.Is(err, errConflict) {
		t.Fatalf("a conflict within a project: %v", err)
	}
	other.Services = other.Services[:1]
	e.mustPut(other)
	if _, err := e.remove("blog"); err != nil {
		t.Fatal(err)
	}
	client := connect(t, e.address)
	client.say(get("/"))
	client.want("GET", 200, "shop") // the shared listener stays
}

func TestRoutes(t *testing.T) {
	names := map[string][]string{"exact": {"a.test"}, "api": {"a.test"}, "wild": {"*.test"}, "deep": {"*.b.test"}, "any": nil}
	e := start(t, wire.Limits{})
	config := e.config
	config.Services = nil
	for _, name := range []string{"any", "exact", "api", "wild", "deep"} {
		app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, name) })
		s := wire.Service{Name: name, Hosts: names[name], Targets: []wire.Target{at(name, app)}}
		if name == "api" {
			s.PathPrefix = "/api/"
		}
		config.Services = append(config.Services, s)
	}
	e.mustPut(config)
	client := connect(t, e.address)
	for _, test := range []struct{ target, host, want string }{
		{"/", "a.test", "exact"}, {"/", "A.TEST:80", "exact"}, {"/", "a.test.", "exact"},
		{"/api", "a.test", "api"}, {"/api/x?y", "a.test", "api"}, {"/apix", "a.test", "exact"},
		{"/", "z.test", "wild"}, {"/", "x.y.b.test", "deep"}, {"/", "b.test", "wild"},
		{"/", "other.example", "any"}, {"/", "[::1]:80", "any"}, {"http://a.test/api", "ignored.example", "api"},
	} {
		client.say("GET " + test.target + " HTTP/1.1\r\nHost: " + test.host + "\r\n\r\n")
		client.want("GET", 200, test.want)
	}
	config.Services = config.Services[1:]
	e.mustPut(config)
	client.say("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n")
	client.want("GET", 404, "404 Not Found: no_route\n")
}

func TestInvalidConfigurationsAreRefused(t *testing.T) {
	e := start(t, wire.Limits{})
	for name, spoil := range map[string]func(*wire.ProjectConfig){
		"project name": func(c *wire.ProjectConfig) { c.Project = "../x" },
		"network":      func(c *wire.ProjectConfig) { c.Listeners[0].Network = "udp" },
		"port":         func(c *wire.ProjectConfig) { c.Listeners[0].Address = ":99999" },
		"unix path": func(c *wire.ProjectConfig) {
			c.Listeners[0] = wire.Listener{Name: "public", Network: "unix", Address: "x"}
		},
		"listener twice": func(c *wire.ProjectConfig) { c.Listeners = append(c.Listeners, c.Listeners[0]) },
		"cidr":           func(c *wire.ProjectConfig) { c.Listeners[0].TrustedProxies = []string{"x"} },
		"unknown listener": func(c *wire.ProjectConfig) {
			c.Services[0].Listeners = []string{"other"}
		},
		"host":           func(c *wire.ProjectConfig) { c.Services[0].Hosts = []string{"a b"} },
		"prefix":         func(c *wire.ProjectConfig) { c.Services[0].PathPrefix = "api" },
		"target name":    func(c *wire.ProjectConfig) { c.Services[0].Targets = []wire.Target{at("a/b", "127.0.0.1:1")} },
		"target address": func(c *wire.ProjectConfig) { c.Services[0].Targets = []wire.Target{at("a", "web:80")} },
		"weight": func(c *wire.ProjectConfig) {
			c.Services[0].Targets = []wire.Target{{ID: "a", Address: "127.0.0.1:1", Weight: -1}}
		},
		"target twice": func(c *wire.ProjectConfig) {
			c.Services[0].Targets = []wire.Target{at("a", "127.0.0.1:1"), at("a", "127.0.0.1:2")}
		},
	} {
		config := e.config
		config.Listeners, config.Services = slices.Clone(config.Listeners), slices.Clone(config.Services)
		spoil(&config)
		if _, err := e.put(config, false, 0); !errors.Is(err, errInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTakenAddress(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{}, at("web-1", app))
	owner, err := net.Listen("tcp", free(t))
	if err != nil {
		t.Fatal(err)
	}
	config := e.config
	config.Listeners = append(slices.Clone(config.Listeners), wire.Listener{Name: "second", Network: "tcp", Address: owner.Addr().String()})
	if _, err := e.put(config, false, 0); !errors.Is(err, errBind) {
		t.Fatalf("got %v", err)
	}
	if _, err := e.put(config, true, time.Minute); err != nil {
		t.Fatal(err)
	}
	state := func() string {
		for _, s := range e.listeners.states() {
			if s.Address == owner.Addr().String() {
				return s.State
			}
		}
		return ""
	}
	if state() != wire.ListenerWaiting {
		t.Fatalf("state %q", state())
	}
	owner.Close()
	await(t, "binding", func() bool { return state() == wire.ListenerServing })
	client := connect(t, owner.Addr().String())
	client.say(get("/"))
	client.want("GET", 200, "ok")
}

func TestUnixListenerTrustsItsPeer(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Header.Get("X-Forwarded-For")+" "+r.Header.Get("X-Forwarded-Proto"))
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	path := filepath.Join(t.TempDir(), "shop.sock")
	// A socket left by a process that was killed is in the way.
	stale, _ := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	stale.SetUnlinkOnClose(false)
	stale.Close()
	e.config.Listeners = append(e.config.Listeners, wire.Listener{Name: "socket", Network: "unix", Address: path})
	e.mustPut(e.config)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.0\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n\r\n")
	if got, _ := io.ReadAll(conn); !strings.HasSuffix(string(got), "\r\n\r\n9.9.9.9 https") {
		t.Fatalf("got %q", got)
	}
	e.config.Listeners = e.config.Listeners[:1]
	e.mustPut(e.config)
	if _, err := os.Stat(path); err == nil {
		t.Fatal("the socket of a dropped listener stayed")
	}
}

func TestRestartServesTheLastSnapshot(t *testing.T) {
	t.Parallel()
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	directory := t.TempDir()
	address := free(t)
	config := wire.ProjectConfig{
		Project: "shop", Listeners: []wire.Listener{{Name: "public", Network: "tcp", Address: address}},
		Services: []wire.Service{{Name: "web", Targets: []wire.Target{at("web-1", app)}}},
	}
	check := func(status int) {
		t.Helper()
		client := connect(t, address)
		client.say(get("/"))
		if response, _, _ := client.answer("GET"); response.StatusCode != status {
			t.Fatalf("got %d, want %d", response.StatusCode, status)
		}
	}
	e, stop := launch(t, Options{StateDirectory: directory, bootID: "one"})
	for range 2 {
		if _, err := e.put(config, false, 0); err != nil {
			t.Fatal(err)
		}
	}
	check(200)
	stop()
	path := filepath.Join(directory, wire.SnapshotName)
	good, _ := os.ReadFile(path)

	_, stop = launch(t, Options{StateDirectory: directory, bootID: "one"})
	check(200)
	stop()
	// A damaged file falls back to the copy before it.
	os.WriteFile(path, bytes.Replace(good, []byte("127.0.0.1"), []byte("127.0.0.2"), 1), 0o600)
	e, stop = launch(t, Options{StateDirectory: directory, bootID: "one"})
	check(200)
	if health, _ := e.getHealth(nil); len(health.(wire.Health).Disabled) != 1 {
		t.Fatalf("health %+v", health)
	}
	stop()
	// After a reboot nothing is believed until the project is put again.
	config.Services[0].Limits.HoldMaxWaitMilliseconds = 100
	os.WriteFile(path, good, 0o600)
	e, _ = launch(t, Options{StateDirectory: directory, bootID: "one"})
	e.put(config, false, 0)
	e.files.bootID = "unused"
	_, _ = e.remove("nothing")
	launchedAgain(t, e, directory, config, check)
}

// TestNoAnswerBeforeTheRoutes: a client that is faster than the routes waits for them, at
// a start and when a listener is new.
func TestNoAnswerBeforeTheRoutes(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{}, at("web-1", app))
	config := e.config
	config.Listeners = append(slices.Clone(config.Listeners), wire.Listener{Name: "second", Network: "tcp", Address: free(t)})
	if err := e.listeners.ensure(config.Listeners, false, 0); err != nil {
		t.Fatal(err)
	}
	early := connect(t, config.Listeners[1].Address)
	early.say(get("/"))
	e.mustPut(config)
	early.want("GET", 200, "ok")
	e.stop()

	again := New(Options{StateDirectory: e.files.directory, Log: quietLog(t), bootID: e.files.bootID, linger: time.Millisecond})
	again.store.mu.Lock() // as restore does
	if err := again.listeners.ensure(config.Listeners, true, 0); err != nil {
		t.Fatal(err)
	}
	again.store.mu.Unlock()
	early = connect(t, config.Listeners[0].Address)
	early.say(get("/"))
	again.restore(again.files.load())
	early.want("GET", 200, "ok")
	again.leave()
}

func launchedAgain(t *testing.T, previous *Edge, directory string, config wire.ProjectConfig, check func(int)) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(directory, wire.SnapshotName))
	if err != nil {
		t.Fatal(err)
	}
	previous.listeners.keepOnly(nil)
	elsewhere := t.TempDir()
	os.WriteFile(filepath.Join(elsewhere, wire.SnapshotName), content, 0o600)
	e, _ := launch(t, Options{StateDirectory: elsewhere, bootID: "two"})
	await(t, "listening", func() bool { return e.listeners.states()[0].State == wire.ListenerServing })
	if health, _ := e.getHealth(nil); !slices.Equal(health.(wire.Health).Unverified, []string{"shop"}) {
		t.Fatalf("health %+v", health)
	}
	check(503)
	if _, err := e.put(config, false, 0); err != nil {
		t.Fatal(err)
	}
	check(200)
}

// One bad part of a loaded snapshot disables only itself.
func TestBadPartsAreDisabledAlone(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	directory, address := t.TempDir(), free(t)
	config := wire.ProjectConfig{
		Project: "shop",
		Listeners: []wire.Listener{
			{Name: "public", Network: "tcp", Address: address}, {Name: "bad", Network: "udp", Address: ":1"},
		},
		Services: []wire.Service{
			{Name: "web", Targets: []wire.Target{at("web-1", app)}},
			{Name: "broken", PathPrefix: "/x", Targets: []wire.Target{at("y", "not an address")}},
		},
	}
	f := &files{directory: directory, bootID: "one"}
	if err := f.write(saved{Generation: 7, Projects: map[string]wire.ProjectConfig{"shop": config}}); err != nil {
		t.Fatal(err)
	}
	e, _ := launch(t, Options{StateDirectory: directory, bootID: "one"})
	client := connect(t, address)
	client.say(get("/"))
	client.want("GET", 200, "ok")
	if health, _ := e.getHealth(nil); len(health.(wire.Health).Disabled) != 2 || health.(wire.Health).Generation != 7 {
		t.Fatalf("health %+v", health)
	}
}

func TestAFullDiskRefusesAPutAndAllowsAHold(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{}, at("web-1", app))
	// A directory in the way of the temporary file stands for a disk without room.
	if err := os.Mkdir(e.files.path()+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := e.put(e.config, false, 0); !errors.Is(err, errPersist) {
		t.Fatalf("got %v", err)
	}
	e.mustHold("lease", time.Minute)
	if _, err := e.release("shop", "lease"); err != nil {
		t.Fatal(err)
	}
	client := connect(t, e.address)
	client.say(get("/"))
	client.want("GET", 200, "ok")
}

func TestHoldsSurviveARestart(t *testing.T) {
	directory := t.TempDir()
	config := wire.ProjectConfig{Project: "shop", Services: []wire.Service{{Name: "web", Targets: []wire.Target{at("web-1", free(t))}}}}
	e, stop := launch(t, Options{StateDirectory: directory})
	e.put(config, false, 0)
	if _, err := e.hold("shop", "lease", wire.HoldRequest{TTLMilliseconds: 60000}); err != nil {
		t.Fatal(err)
	}
	stop()
	e, _ = launch(t, Options{StateDirectory: directory})
	if e.parking(serviceKey{"shop", "web"}) != causeHoldTimeout {
		t.Fatal("the hold is lost")
	}
	if _, err := e.release("shop", "lease"); err != nil {
		t.Fatal(err)
	}
}

func TestProbeReachesATargetWithoutWeight(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "old") })
	next := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "new "+r.Host+r.URL.Path+r.Header.Get(wire.HeaderTarget))
	})
	unborn := wire.Target{ID: "web-2", Generation: "2", Address: next}
	e := start(t, wire.Limits{}, at("web-1", app), unborn, wire.Target{ID: "web-3", Generation: "2", Address: free(t)})
	probe := func(id string) (int, string, string) {
		conn, err := net.Dial("unix", filepath.Join(e.files.directory, wire.ProbeSocketName))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		client := &raw{Conn: conn, t: t, in: bufioReader(conn)}
		client.say("GET /healthz HTTP/1.1\r\nHost: shop.test\r\nGapless-Project: shop\r\nGapless-Service: web\r\nGapless-Target: " + id + "\r\n\r\n")
		response, body, _ := client.answer("GET")
		return response.StatusCode, body, response.Header.Get(wire.HeaderCause)
	}
	e.mustHold("lease", time.Minute) // a probe passes a hold too
	if status, body, _ := probe("web-2"); status != 200 || body != "new shop.test/healthz" {
		t.Fatalf("got %d %q", status, body)
	}
	if status, _, why := probe("web-3"); status != 502 || why != "dial" {
		t.Fatalf("got %d %q", status, why)
	}
	if status, _, why := probe("nobody"); status != 503 || why != "no_target" {
		t.Fatalf("got %d %q", status, why)
	}
	if e.stats("2").Requests != 0 || e.stats("").Requests != 0 || e.inFlightOf("web-2") != 0 {
		t.Fatal("a probe was counted")
	}
	client := connect(t, e.address)
	e.release("shop", "lease")
	client.say("GET / HTTP/1.1\r\nHost: shop.test\r\nGapless-Target: web-2\r\n\r\n")
	client.want("GET", 200, "old") // clients cannot choose
}

// A target that left the snapshot stays known until its last request has ended.
func TestInFlightAfterLeavingTheSnapshot(t *testing.T) {
	leave := make(chan struct{})
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { <-leave; io.WriteString(w, "late") })
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say(get("/"))
	await(t, "the claim", func() bool { return e.inFlightOf("web-1") == 1 })
	e.route()
	request := httptest.NewRequest("GET", "/v1/targets/web-1", nil)
	answer := func() (state wire.InFlight) {
		recorder := httptest.NewRecorder()
		e.control().ServeHTTP(recorder, request)
		json.Unmarshal(recorder.Body.Bytes(), &state)
		return state
	}
	if state := answer(); state.Requests != 1 || state.Claimable || !state.Known {
		t.Fatalf("got %+v", state)
	}
	close(leave)
	client.want("GET", 200, "late")
	await(t, "the drain", func() bool { return answer().Requests == 0 })
}

// An edge that is asked to stop answers what is on its way, tells clients to go and
// ends within its drain time.
func TestLeaving(t *testing.T) {
	leakCheck(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-finish
		}
		io.WriteString(w, "ok")
	})
	directory := t.TempDir()
	e, stop := launch(t, Options{StateDirectory: directory, linger: 3 * time.Second, DrainMaxWait: 2 * time.Minute})
	address := free(t)
	config := wire.ProjectConfig{
		Project: "shop", Listeners: []wire.Listener{{Name: "public", Network: "tcp", Address: address}},
		Services: []wire.Service{{Name: "web", Targets: []wire.Target{at("web-1", app)}}},
	}
	if _, err := e.put(config, false, 0); err != nil {
		t.Fatal(err)
	}
	slow, kept, idle := connect(t, address), connect(t, address), connect(t, address)
	slow.say(get("/slow"))
	<-begun
	kept.say(get("/"))
	if response := kept.want("GET", 200, "ok"); response.Close {
		t.Fatal("closed too early")
	}
	queued := connect(t, address)
	queued.say(get("/"))
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	await(t, "leaving", e.leaving.Load)
	kept.say(get("/"))
	if response := kept.want("GET", 200, "ok"); !response.Close {
		t.Fatal("a client is not told to go")
	}
	queued.want("GET", 200, "ok")
	close(finish)
	slow.want("GET", 200, "ok")
	if _, err := idle.in.ReadByte(); err != io.EOF {
		t.Fatalf("idle connection ended with %v", err)
	}
	idle.Close()
	kept.Close()
	slow.Close()
	queued.Close()
	<-stopped
}
