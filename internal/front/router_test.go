package front

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/update"
)

var background = context.Background()

// stand is a router with one nginx, whose workers are new after each reload.
type stand struct {
	*Router
	t       *testing.T
	engine  *fakeEngine
	stopped map[string]bool // containers that do not run
	absent  bool            // no nginx runs
	workers int
}

func newStand(t *testing.T) *stand {
	directory := filepath.Join(t.TempDir(), "upstreams")
	s := &stand{t: t, engine: &fakeEngine{include: directory, state: []update.Process{master, old}}, stopped: map[string]bool{}}
	s.engine.reload = func(f *fakeEngine) {
		s.workers++
		f.set(master, update.Process{PID: 100 + s.workers, Parent: master.PID, Started: 100, Title: workerTitle})
	}
	s.Router = NewRouter(s.engine, Place{
		Directory: directory, Inside: "/etc/nginx/upstreams",
		Fronts: func(context.Context) ([]Instance, error) {
			if s.absent {
				return nil, nil
			}
			return []Instance{{"shop-nginx-1", []string{"nginx"}}}, nil
		},
		Runs: func(_ context.Context, name string) bool { return !s.stopped[name] },
	})
	return s
}

// set routes a service to containers, of which NAME-0 gets no requests.
func (s *stand) set(service string, containers ...string) error {
	c := update.RouteChange{Service: service, Route: &update.RouteState{Port: 8000}}
	for _, name := range containers {
		weight := 1
		if strings.HasSuffix(name, "-0") {
			weight = 0
		}
		c.Targets = append(c.Targets, update.RouteTarget{TargetRef: update.TargetRef{Container: name, Generation: "7", Weight: weight, Port: 8000}, Address: "10.0.0.1:8000"})
	}
	return s.Routes(background, []update.RouteChange{c})
}

// servers are the lines of a file that name a server.
func (s *stand) servers(service string) []string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.place.Directory, service+".conf"))
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "server ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func (s *stand) expect(service string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.servers(service)); diff != "" {
		s.t.Errorf("%s: %s", service, diff)
	}
}

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoutesAreFiles(t *testing.T) {
	s := newStand(t)
	fine(t, s.set("api", "shop-api-1", "shop-api-2", "shop-api-0"))
	s.expect("api", "server shop-api-1:8000;", "server shop-api-2:8000;")
	if diff := cmp.Diff([]string{"nginx -T", "nginx -s reload"}, s.engine.ran); diff != "" {
		t.Error(diff)
	}
	fine(t, s.set("api"))
	s.expect("api", "server 127.0.0.1:1 down; # nobody serves")
	fine(t, s.Routes(background, []update.RouteChange{{Service: "api"}}))
	if left, _ := os.ReadDir(s.place.Directory); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestReadBack: another process knows from the files alone what is in force.
func TestReadBack(t *testing.T) {
	s := newStand(t)
	fine(t, s.set("api", "shop-api-1", "shop-api-0"))
	fine(t, os.WriteFile(filepath.Join(s.place.Directory, "mine.conf"), []byte("upstream mine {}\n"), 0o644))
	where := "10.0.0.1"
	got, err := Routes(s.place.Directory, func(string) string { return where })
	fine(t, err)
	want := map[string]update.RouteState{"api": {Port: 8000, Targets: []update.TargetRef{
		{Container: "shop-api-1", Generation: "7", Weight: 1, Port: 8000}, {Container: "shop-api-0", Generation: "7", Port: 8000}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	where = "10.0.0.2"
	if got, _ := Routes(s.place.Directory, func(string) string { return where }); !got["api"].Outdated {
		t.Error("an address that moved is not noticed")
	}
}

// TestWhatNginxRefusesIsPutBack: the files are as before, and the workers too.
func TestWhatNginxRefusesIsPutBack(t *testing.T) {
	s := newStand(t)
	fine(t, s.set("api", "shop-api-1"))
	before := s.workers
	err := s.Routes(background, []update.RouteChange{
		{Service: "api", Route: &update.RouteState{Port: 8000}, Targets: []update.RouteTarget{{TargetRef: update.TargetRef{Container: "broken", Weight: 1}, Address: "10.0.0.9:8000"}}},
		{Service: "shop", Route: &update.RouteState{Port: 8000}, Targets: []update.RouteTarget{{TargetRef: update.TargetRef{Container: "shop-shop-1", Weight: 1}, Address: "10.0.0.8:8000"}}},
	})
	var failed *update.GateError
	if !errors.As(err, &failed) || !strings.Contains(strings.Join(failed.Logs, "\n"), "host not found") {
		t.Errorf("error %v", err)
	}
	s.expect("api", "server shop-api-1:8000;")
	if _, err := os.Stat(filepath.Join(s.place.Directory, "shop.conf")); err == nil {
		t.Error("the file of shop is still there")
	}
	if s.workers != before {
		t.Error("nginx was told to reload")
	}
}

func TestDirectoryThatNginxDoesNotInclude(t *testing.T) {
	s := newStand(t)
	s.engine.include = t.TempDir()
	var include *IncludeError
	if err := s.set("api", "shop-api-1"); !errors.As(err, &include) || !strings.Contains(include.Hint(), "include /etc/nginx/upstreams/*.conf;") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(s.place.Directory); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestDeadNeighbour: a container of another service that does not run keeps
// nobody from being updated, and comes back into the file once it runs.
func TestDeadNeighbour(t *testing.T) {
	s := newStand(t)
	fine(t, s.set("shop", "shop-shop-1", "shop-shop-2"))
	s.stopped["shop-shop-1"] = true
	fine(t, s.set("api", "shop-api-1"))
	s.expect("shop", "server shop-shop-2:8000;")
	s.stopped["shop-shop-1"] = false
	fine(t, s.set("api", "shop-api-2"))
	s.expect("shop", "server shop-shop-1:8000;", "server shop-shop-2:8000;")
}

// TestFileOfSomebodyElse is left alone.
func TestFileOfSomebodyElse(t *testing.T) {
	s := newStand(t)
	fine(t, os.MkdirAll(s.place.Directory, 0o755))
	path := filepath.Join(s.place.Directory, "api.conf")
	fine(t, os.WriteFile(path, []byte("upstream api { server api:8000; }\n"), 0o644))
	if err := s.set("api", "shop-api-1"); err == nil || !strings.Contains(err.Error(), "was not written by gapless") {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(path); !strings.Contains(string(text), "api:8000") {
		t.Errorf("now it is %s", text)
	}
}

func TestNoNginxYet(t *testing.T) {
	s := newStand(t)
	s.absent = true
	fine(t, s.set("api", "shop-api-1"))
	s.expect("api", "server shop-api-1:8000;")
	if len(s.engine.ran) > 0 {
		t.Errorf("ran %q", s.engine.ran)
	}
}

// TestAtStart: who serves is written for an nginx that is yet to start, and the one
// that runs and reads another place is not asked; once it runs, it is.
func TestAtStart(t *testing.T) {
	s := newStand(t)
	include := s.engine.include
	s.engine.include = t.TempDir()
	change := update.RouteChange{Service: "api", AtStart: true, Route: &update.RouteState{Port: 8000}, Targets: []update.RouteTarget{
		{TargetRef: update.TargetRef{Container: "shop-api-1", Weight: 1}, Address: "10.0.0.1:8000"}}}
	fine(t, s.Routes(background, []update.RouteChange{change, {Service: "later", AtStart: true, Route: &update.RouteState{Port: 8000}}}))
	s.expect("api", "server shop-api-1:8000;")
	s.expect("later", "server 127.0.0.1:1 down; # nobody serves")
	if len(s.engine.ran) > 0 {
		t.Errorf("ran %q", s.engine.ran)
	}
	var unread *IncludeError
	if err := s.Ensure(background, nil); !errors.As(err, &unread) {
		t.Errorf("%v", err)
	}
	s.engine.include = include
	fine(t, s.Ensure(background, nil))
	fine(t, s.Routes(background, []update.RouteChange{{Service: "api", AtStart: true}, {Service: "later", AtStart: true}}))
	if left, _ := os.ReadDir(s.place.Directory); len(left) > 0 || s.workers > 0 {
		t.Errorf("left over: %v, after %d reloads", left, s.workers)
	}
}

// TestInFlight: a container is in use as long as a worker from before the switch
// lives, also for a process that did not see the switch.
func TestInFlight(t *testing.T) {
	s := newStand(t)
	fine(t, s.set("api", "shop-api-1"))
	s.engine.set(master, old)
	s.engine.reload = func(f *fakeEngine) { f.set(master, going, fresh) }
	fine(t, s.set("api", "shop-api-2"))
	later := NewRouter(s.engine, s.place)
	count := func(r *Router, name string, want int) {
		t.Helper()
		if got, err := r.InFlight(background, name); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, want)
		}
	}
	count(s.Router, "shop-api-1", 1)
	count(later, "shop-api-1", 1)
	count(s.Router, "shop-api-2", 0)
	s.engine.set(master, fresh)
	count(s.Router, "shop-api-1", 0)
	count(later, "shop-api-1", 0)
}

// TestCutOff leaves files behind as a crash between the two would, of which
// nginx read none yet: the undo writes the old ones, and nginx reads those.
func TestCutOff(t *testing.T) {
	s := newStand(t)
	fine(t, s.set("api", "shop-api-1"))
	was, _, err := s.files.read()
	fine(t, err)
	u, _ := parse(was["api"])
	u.Targets[0].Container = "shop-api-2"
	fine(t, s.files.replace(was, map[string]string{"api": u.text(false, func(string) bool { return true })}))
	fine(t, os.WriteFile(filepath.Join(s.place.Directory, ".shop.gapless-new"), []byte("half"), 0o644))
	before := s.workers
	fine(t, NewRouter(s.engine, s.place).Routes(background, []update.RouteChange{{Service: "api", Route: &update.RouteState{Port: 8000},
		Targets: []update.RouteTarget{{TargetRef: update.TargetRef{Container: "shop-api-1", Weight: 1}, Address: "10.0.0.1:8000"}}}}))
	s.expect("api", "server shop-api-1:8000;")
	if s.workers != before+1 {
		t.Error("nginx did not read the files again")
	}
	if left, _ := os.ReadDir(s.place.Directory); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
}

func TestByAddress(t *testing.T) {
	s := newStand(t)
	s.place.ByAddress = true
	fine(t, s.set("api", "shop-api-1"))
	s.expect("api", "server 10.0.0.1:8000;")
}

func TestHoldIsRefused(t *testing.T) {
	if err := newStand(t).Hold(background, "api", update.HoldSpec{}); err == nil {
		t.Error("nginx cannot hold")
	}
}
