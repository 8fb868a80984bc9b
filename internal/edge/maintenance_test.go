package edge

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/edge/http1"
	"gapless/internal/edge/wire"
)

// maintain turns the maintenance of "shop" on, or off with nil.
func (r *running) maintain(m *wire.Maintenance) {
	r.t.Helper()
	r.config.Maintenance = m
	r.mustPut(r.config)
}

// Every request gets the page, and none is lost when it ends; a probe and the health
// path reach the application, and none of it is a failure.
func TestMaintenance(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "app "+r.URL.RequestURI()) })
	e := start(t, wire.Limits{}, at("web-1", app))
	e.config.Services[0].HealthPath = "/health/"
	e.maintain(&wire.Maintenance{Page: wire.Page{HTML: "own", RetryAfterSeconds: 120}, HealthPass: true})
	for _, path := range []string{"/", "/a?b", "/health", "/health/x", "/health/../", "/Health/"} {
		client := connect(t, e.address)
		client.say(get(path))
		if body := client.wantPage("GET", "120"); body != "own" {
			t.Errorf("%s got %q", path, body)
		}
	}
	for _, path := range []string{"/health/", "/health/?deep=1"} {
		client := connect(t, e.address)
		client.say(get(path))
		client.want("GET", 200, "app "+path)
	}
	conn, err := net.Dial("unix", filepath.Join(e.files.directory, wire.ProbeSocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	probe := &raw{Conn: conn, t: t, in: bufioReader(conn)}
	probe.say("GET /x HTTP/1.1\r\nHost: shop.test\r\nGapless-Project: shop\r\nGapless-Service: web\r\nGapless-Target: web-1\r\n\r\n")
	probe.want("GET", 200, "app /x")
	if health, _ := e.getHealth(nil); !slices.Equal(health.(wire.Health).Maintenance, []string{"shop"}) {
		t.Errorf("health says %v", health.(wire.Health).Maintenance)
	}

	e.maintain(nil)
	client := connect(t, e.address)
	client.say(get("/"))
	client.want("GET", 200, "app /")
	if stats := e.stats(""); stats.Paged != 6 || stats.FailureTotal() != 0 || stats.PagedMilliseconds < 0 {
		t.Errorf("stats %+v", stats)
	}
	if stats := e.finished("web-1"); stats.Requests != 3 {
		t.Errorf("stats %+v", stats)
	}
}

// Without the policy the health path gets the page as well.
func TestMaintenanceOfTheHealthPath(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", answering(t, "app")))
	e.config.Services[0].HealthPath = "/health"
	e.maintain(&wire.Maintenance{})
	client := connect(t, e.address)
	client.say(get("/health"))
	client.wantPage("GET", "30")
}

// Allowed clients are served. Who a client is, is believed of a proxy only.
func TestMaintenanceAllows(t *testing.T) {
	app := answering(t, "app")
	e := start(t, wire.Limits{}, at("web-1", app))
	direct, proxied, socket := free(t), free(t), filepath.Join(t.TempDir(), "web.sock")
	e.config.Listeners = []wire.Listener{
		{Name: "direct", Network: "tcp", Address: direct},
		{Name: "proxied", Network: "tcp", Address: proxied, TrustedProxies: []string{"127.0.0.0/8", "10.9.0.0/16"}},
		{Name: "socket", Network: "unix", Address: socket},
	}
	ask := func(network, address, forwarded string) bool {
		t.Helper()
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(deadline))
		client := &raw{Conn: conn, t: t, in: bufioReader(conn)}
		client.say("GET / HTTP/1.1\r\nHost: shop.test\r\n" + forwarded + "\r\n")
		response, _, err := client.answer("GET")
		if err != nil || response.StatusCode != 200 && response.StatusCode != 503 {
			t.Fatalf("got %v, %v", response, err)
		}
		return response.StatusCode == 200
	}
	const told = "X-Forwarded-For: "
	for _, test := range []struct {
		allow, network, address, forwarded string
		want                               bool
	}{
		{"127.0.0.1/32", "tcp", direct, "", true},
		{"10.0.0.0/8", "tcp", direct, "", false},
		{"10.0.0.0/8", "tcp", direct, told + "10.1.2.3\r\n", false}, // a client says so itself
		{"10.0.0.0/8", "tcp", proxied, told + "10.1.2.3\r\n", true},
		{"127.0.0.0/8", "tcp", proxied, told + "10.1.2.3\r\n", false}, // the proxy is not the client
		{"127.0.0.0/8", "tcp", proxied, "", true},
		{"10.1.0.0/16", "tcp", proxied, told + "10.1.2.3, 10.9.0.1\r\n", true},
		{"10.1.0.0/16", "tcp", proxied, told + "10.1.2.3\r\n" + told + "10.9.0.1:4711\r\n", true},
		{"10.1.0.0/16", "tcp", proxied, told + "192.0.2.1, 10.1.2.3, 10.9.0.1, 10.9.0.2\r\n", true},
		{"10.1.0.0/16", "tcp", proxied, told + "10.1.2.3, 192.0.2.1\r\n", false}, // the first one is hearsay
		{"10.1.0.0/16", "tcp", proxied, told + "10.1.2.3, unknown\r\n", false},
		{"10.1.0.0/16", "unix", socket, told + "10.1.2.3\r\n", true},
		{"10.1.0.0/16", "unix", socket, told + "10.1.2.3, 192.0.2.1\r\n", false},
		{"10.1.0.0/16", "unix", socket, told + "192.0.2.1, 10.1.2.3\r\n", true},
		{"0.0.0.0/0", "unix", socket, "", false}, // nobody says who it is
		{"2001:db8::/32", "unix", socket, told + "[2001:db8::1]:80\r\n", true},
		{"10.0.0.0/8", "unix", socket, told + "::ffff:10.0.0.1\r\n", true},
		{"10.0.0.0/8", "unix", socket, told + ",\r\n", false},
	} {
		e.maintain(&wire.Maintenance{Allow: []string{test.allow}})
		if got := ask(test.network, test.address, test.forwarded); got != test.want {
			t.Errorf("%+v: served %t", test, got)
		}
	}
}

// During an update that holds, ordinary requests get the page at once, also those that
// waited already, and an allowed client waits.
func TestMaintenanceDuringAHold(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", answering(t, "app")))
	e.config.Services[0].HealthPath = "/health"
	e.mustHold("lease", time.Minute)
	ordinary, health := connect(t, e.address), connect(t, e.address)
	ordinary.say(get("/"))
	health.say(get("/health"))
	await(t, "parking", func() bool { return e.parkedCount() == 2 })
	e.maintain(&wire.Maintenance{HealthPass: true})
	ordinary.wantPage("GET", "30")
	await(t, "parking again", func() bool { return e.parkedCount() == 1 })
	late := connect(t, e.address)
	late.say(get("/"))
	late.wantPage("GET", "30")
	if _, err := e.release("shop", "lease"); err != nil {
		t.Fatal(err)
	}
	health.want("GET", 200, "app")
}

// It is there after a restart of the edge, and even where what was saved of it cannot
// be used any more: nobody asked for the application to be open again.
func TestMaintenanceSurvivesARestart(t *testing.T) {
	directory := t.TempDir()
	first, stop := launch(t, Options{StateDirectory: directory, bootID: "one"})
	address := free(t)
	r := &running{Edge: first, t: t, address: address, config: wire.ProjectConfig{
		Project: "shop", Listeners: []wire.Listener{{Name: "public", Network: "tcp", Address: address}},
		Services: []wire.Service{{Name: "web", Targets: []wire.Target{at("web-1", answering(t, "app"))}}},
	}}
	r.maintain(&wire.Maintenance{Page: wire.Page{HTML: "own"}, Allow: []string{"10.0.0.0/8"}, Since: time.Unix(1e9, 0).UTC()})
	stop()
	next, stop := launch(t, Options{StateDirectory: directory, bootID: "two"}) // targets are unverified too
	client := connect(t, address)
	client.say(get("/"))
	if body := client.wantPage("GET", "30"); body != "own" {
		t.Errorf("got %q", body)
	}
	saved, err := next.files.read(next.files.path())
	if err != nil || !saved.Projects["shop"].Maintenance.Since.Equal(time.Unix(1e9, 0)) {
		t.Errorf("%+v, %v", saved.Projects["shop"].Maintenance, err)
	}
	stop()
	saved.Projects["shop"].Maintenance.Allow = []string{"nonsense"}
	if err := next.files.write(saved); err != nil {
		t.Fatal(err)
	}
	next, _ = launch(t, Options{StateDirectory: directory, bootID: "one"})
	client = connect(t, address)
	client.say(get("/"))
	client.wantPage("GET", "30")
	if health, _ := next.getHealth(nil); !strings.Contains(fmt.Sprint(health.(wire.Health).Disabled), "nonsense") {
		t.Errorf("disabled: %v", health.(wire.Health).Disabled)
	}
}

// What cannot be applied is refused.
func TestMaintenanceIsChecked(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", free(t)))
	for name, m := range map[string]wire.Maintenance{
		"an address": {Allow: []string{"10.0.0.1"}}, "too many": {Allow: slices.Repeat([]string{"10.0.0.0/8"}, maxAllow+1)},
		"the page": {Page: wire.Page{HTML: strings.Repeat("x", wire.MaxPageBytes+1)}},
	} {
		config := e.config
		config.Maintenance = &m
		if _, err := e.put(config, false, 0); err == nil || !strings.Contains(err.Error(), "maintenance") {
			t.Errorf("%s: %v", name, err)
		}
	}
	config := e.config
	config.Services = []wire.Service{{Name: "web", HealthPath: "/x?y"}}
	if _, err := e.put(config, false, 0); err == nil {
		t.Error("a health path with a query was taken")
	}
}

// FuzzClientAddress: whatever a header says, the address is found in the end, and is
// never one that stands before an address that nobody vouches for.
func FuzzClientAddress(f *testing.F) {
	for _, value := range []string{"", ",", "10.0.0.1", "10.0.0.1,", "a, 10.9.0.1", "10.0.0.1, 10.9.0.1:80", "[::1]:80, ::ffff:10.9.0.1", "10.9.0.1,10.9.0.1"} {
		f.Add([]byte(value), true)
		f.Add([]byte(value), false)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}
	f.Fuzz(func(t *testing.T, value []byte, proxied bool) {
		c := &client{origin: &listener{}, trusted: true, peer: "10.9.0.2"}
		if proxied {
			c.origin.trusted.Store(&trusted)
		}
		c.request.Fields = []http1.Field{{Name: []byte("X-Forwarded-For"), Value: value, Known: http1.XForwardedFor}}
		got := c.address()
		if entries := bytes.Split(value, []byte(",")); !proxied && len(value) > 0 {
			if want := forwardedAddress(string(bytes.TrimSpace(entries[len(entries)-1]))); got != want {
				t.Errorf("%q: %s, not the last one", value, got)
			}
		}
		jsonFirst(value)
	})
}
