//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gapless/test/load"
)

// plainMode is an nginx that passes requests on to the api by its name, started by
// docker compose and never seen by gapless.
func plainMode(t *testing.T) *fronted {
	f := newFronted(t, "upstream api { server api:8000; }", "edge: {}", `
    depends_on: {api: {condition: service_healthy}}
    ports: ["PORT:80"]
    volumes: ["`+mountFile+`"]`)
	f.also = 1
	f.compose("v1", "up", "--detach")
	waitFor(t, func() bool {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/health", f.port))
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return f
}

// wantNative lets the compose file ask for native mode: the directory is mounted,
// and an update writes to it.
func (f *fronted) wantNative() {
	f.t.Helper()
	text, err := os.ReadFile(f.file)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write("compose.yaml", strings.NewReplacer("edge: {}", "front: {service: nginx, upstreams: ./nginx/upstreams}",
		`"`+mountFile+`"`, `"`+mountFile+`", "./nginx/upstreams:/etc/nginx/shop/upstreams:ro"`).Replace(string(text)))
}

// include lets nginx's own file name what is mounted.
func (f *fronted) include() {
	f.replaceConfig(strings.Replace(f.config, "upstream api { server api:8000; }", nativeUpstream, 1))
}

// isPlain fails the test unless the nginx of before runs, and finds no upstream
// whenever it gets the mount.
func (f *fronted) isPlain(when, nginx string) {
	f.t.Helper()
	if now := f.containerOf("nginx"); now != nginx {
		f.t.Fatalf("%s: nginx is %s, and was %s", when, now, nginx)
	}
	if left, err := filepath.Glob(filepath.Join(f.directory, "nginx/upstreams/*")); err != nil || len(left) > 0 {
		f.t.Fatalf("%s: left over: %v (%v)", when, left, err)
	}
}

// TestNativeBegins takes a plain nginx under traffic to native mode by two
// commands. All at once is refused, an nginx that does not include what is written
// gives way to the one before, and once it began nothing is lost any more.
func TestNativeBegins(t *testing.T) {
	f := plainMode(t)
	build(t, "v2", "")
	nginx := f.containerOf("nginx")
	traffic := f.traffic(nil)
	f.wantNative()
	for _, arguments := range [][]string{{"plan"}, {"plan", "api"}, {"plan", "nginx", "api"}, {"update", "--yes"}} {
		r := f.run("v2", arguments...)
		if r.code != 13 {
			t.Errorf("%v: exit code %d, want 13\n%s", arguments, r.code, r.output)
		}
		r.says(t, "the nginx that runs does not read who serves yet", "gapless update nginx, then gapless update")
	}
	f.isPlain("refused", nginx)
	if r := f.run("v2", "update", "--yes", "nginx"); r.code != 10 {
		t.Fatalf("without the include: exit code %d, want 10\n%s", r.code, r.output)
	} else {
		r.says(t, "does not read", "include /etc/nginx/shop/upstreams/*.conf;")
	}
	f.isPlain("without the include", nginx)
	f.include()
	told := f.project + "-api-1"
	f.run("v1", "plan").says(t, "nothing -> "+told, "confirm", "gap: nginx:") // nothing but nginx changed: it is the same
	f.run("v2", "plan", "nginx").says(t, "nothing -> "+told, "to be read at a start", "confirm", "gap: nginx: host port", "api: changed too")
	if r := f.run("v2", "update", "--yes", "nginx"); r.code != 0 {
		t.Fatalf("update nginx: exit code %d\n%s", r.code, r.output)
	}
	if f.containerOf("nginx") == nginx || !strings.Contains(f.upstream(), "server "+told+":8000;") {
		t.Errorf("nginx is told\n%s", f.upstream())
	}
	begun := traffic.Stop()
	t.Logf("the beginning, tried twice: %d of %d requests failed, for %.0f ms at most", begun.Failed, begun.Requests, begun.LongestOutageMS)
	f.nothingBehind(begun)
	f.switches(t, begun)
}

// switches brings in the next version, in the nginx that was made anew. Requests on
// connections of their own lose nothing at a reload.
func (f *fronted) switches(t *testing.T, before load.Report) {
	t.Helper()
	if before.Served() != "v1" {
		t.Errorf("%s served during the beginning", before.Served())
	}
	nginx := f.containerOf("nginx")
	traffic := f.traffic(func(c *load.Config) { c.KeepAliveShare = 0 })
	f.update("v2", 0).says(t, "switch", "gap       0 ms")
	report := traffic.Stop()
	f.clean(report)
	f.expect("v2")
	if report.Served() != "v2" || f.containerOf("nginx") != nginx {
		t.Errorf("%s serves, behind nginx %s, which was %s", report.Served(), f.containerOf("nginx"), nginx)
	}
	if again := f.run("v2", "plan"); !strings.Contains(again.output, "nothing to do") {
		t.Errorf("there is more to do:\n%s", again.output)
	}
}

// TestNativeBeginsKilled kills the beginning at its entries in the journal: a resume
// brings the plain nginx back, with no file left, or ends what was decided.
func TestNativeBeginsKilled(t *testing.T) {
	f := plainMode(t)
	nginx := f.containerOf("nginx")
	f.wantNative()
	f.include()
	every := 4
	if long() {
		every = 1
	}
	points, begun := 0, false
	for entry := 1; !begun && f.killedAt(t, entry, "v1", "nginx"); entry += every {
		points++
		what := fmt.Sprintf("kill point %d", entry)
		f.settle(t, what, "v1", "v2")
		if begun = f.containerOf("nginx") != nginx; !begun {
			f.isPlain(what, nginx)
		}
	}
	t.Logf("%d kill points", points)
	if points < 3 {
		t.Errorf("only %d kill points", points)
	}
	if !strings.Contains(f.upstream(), "server "+f.project+"-api-1:8000;") {
		t.Errorf("nginx is told\n%s", f.upstream())
	}
	f.run("v1", "plan").says(t, "nothing to do")
}
