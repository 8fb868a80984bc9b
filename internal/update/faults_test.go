package update

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

func (s scenario) must(t *testing.T) (*world, Plan) {
	t.Helper()
	w, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	return w, plan
}

// routeWatch sees every route that is set.
type routeWatch struct {
	Router
	seen func(serviceName string, route *RouteState, targets []RouteTarget)
}

func (r routeWatch) Routes(ctx context.Context, changes []RouteChange) error {
	err := r.Router.Routes(ctx, changes)
	for _, c := range changes {
		r.seen(c.Service, c.Route, c.Targets)
	}
	return err
}

func execute(w *world, plan *Plan, seen func(string, *RouteState, []RouteTarget)) (Outcome, error) {
	env := w.env()
	if seen != nil {
		env.Router = routeWatch{env.Router, seen}
	}
	return (&Run{Plan: plan, Env: env}).Execute(context.Background())
}

// The new version listens on 9000, the old one on 8000: the requests of the
// old one must not go to 9000 while the new one is at its gate.
func TestPortChange(t *testing.T) {
	for _, name := range []string{"start-first", "stop-first"} {
		t.Run(name, func(t *testing.T) {
			s := scenario{services: []project.Service{with(web("api"), func(s *project.Service) {
				s.Route.Port, s.Replicas = 9000, 2
				if name == "stop-first" {
					no := false
					s.Overlap = &no
				}
			})}, running: []Container{up("api", 1), up("api", 2)}, routed: []string{"api"}, release: &Release{Number: 1}, covered: []string{"api"}}
			w, plan := s.must(t)
			_, err := execute(w, &plan, func(_ string, _ *RouteState, targets []RouteTarget) {
				for _, target := range targets {
					c := w.containers[target.Container]
					if target.Weight > 0 && c.Run == "" && !strings.HasSuffix(target.Address, ":8000") {
						t.Errorf("old %s is served at %s", target.Container, target.Address)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// dyingGate lets a container pass and the container dies right after.
type dyingGate struct {
	inner Gate
	w     *world
}

func (g dyingGate) Gate(ctx context.Context, spec GateSpec, probed func(Probe)) error {
	err := g.inner.Gate(ctx, spec, probed)
	if c := g.w.containers[spec.Container]; c != nil && c.Run != "" {
		c.Running, c.Addresses = false, nil
	}
	return err
}

// A container that crashes between its gate and the switch must not become
// the only target while the old one is stopped.
func TestNewContainerDiesAfterItsGate(t *testing.T) {
	w, plan := scenarios[0].must(t)
	env := w.env()
	env.Gate = dyingGate{env.Gate, w}
	outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(w.violations) > 0 || len(w.serving("api")) == 0 {
		t.Errorf("ends %s, serving %v: %v", outcome.Result, w.serving("api"), w.violations)
	}
}

// dyingRecorder is called when the release is decided: the new container of
// a service dies at that moment.
type dyingRecorder struct {
	Recorder
	w *world
}

func (d dyingRecorder) Record(ctx context.Context, number int, adopted bool) error {
	for _, c := range d.w.containers {
		if c.Run != "" {
			c.Running, c.Addresses = false, nil
		}
	}
	return d.Recorder.Record(ctx, number, adopted)
}

// A new version that dies right after the commit: the old one, which is warm,
// is the only one that answers, and is not removed.
func TestWarmVersionOutlivesItsSuccessor(t *testing.T) {
	w, plan := scenario{services: []project.Service{web("api")}, running: []Container{up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyBlueGreen}}.must(t)
	env := w.env()
	env.Recorder = dyingRecorder{env.Recorder, w}
	outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
	if err != nil || outcome.Result != ResultCommitted || outcome.Cause == nil {
		t.Fatal(outcome, err)
	}
	if c := w.containers["shop-api-1"]; c == nil || !c.Running || c.Restart != "always" {
		t.Errorf("the old container: %+v", c)
	}
}

// A service with container_name whose container is down can be updated.
func TestStoppedContainerName(t *testing.T) {
	down := up("api", 1)
	down.Running = false
	w, plan := scenario{services: []project.Service{with(plain("api", project.RoleWorker), func(s *project.Service) { s.ContainerName = "shop-api-1" })},
		running: []Container{down}, release: &Release{Number: 1}}.must(t)
	outcome, err := execute(w, &plan, nil)
	if err != nil || outcome.Result != ResultCommitted {
		t.Errorf("ends %s: %v %v\n%s", outcome.Result, outcome.Cause, err, plan.Text())
	}
}

// A service that moves behind the edge and gets another replica is routed.
func TestTakeoverWithKeptContainer(t *testing.T) {
	service := with(web("api"), func(s *project.Service) { s.Replicas = 2 })
	p := &project.Project{Name: "shop", Services: []project.Service{service}, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
	old := up("api", 1)
	plan, err := Make(State{Containers: []Container{old}}, p, []change.Change{{Service: "api", Keep: []string{old.Name}, Missing: 1,
		Causes: []change.Cause{{Kind: change.KindReplicas, Words: "1 of 2 replicas"}}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(plan.Steps(), func(step Step) bool { _, is := step.(*SwitchStep); return is }) {
		t.Errorf("no switch:\n%s", plan.Text())
	}
}

// Once a service is served on its port, no later batch takes the port away.
func TestTakeoverStopFirstKeepsListener(t *testing.T) {
	w, plan := scenario{services: []project.Service{with(web("api"), func(s *project.Service) { s.Replicas = 2 })},
		running: []Container{up("api", 1), up("api", 2)}, memory: 120 << 20}.must(t)
	open := false
	_, err := execute(w, &plan, func(_ string, route *RouteState, _ []RouteTarget) {
		listens := route != nil && len(route.Listeners) > 0
		if open && !listens {
			t.Error("the port is closed again in the middle of the update")
		}
		open = listens
	})
	if err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		t.Log(plan.Text())
	}
}

// A process that dies while the old container still runs must leave it serving
// once the lease has run out.
func TestDeathUnderHoldLeavesOldServing(t *testing.T) {
	for _, s := range scenarios {
		if s.name != "container_name and a hold" {
			continue
		}
		for at := 1; ; at++ {
			w, plan := s.must(t)
			w.crashAt, w.crashAfter = at, true
			_, crashed, _ := start(w, &plan)
			if !crashed {
				break
			}
			where := w.calls[len(w.calls)-1]
			w.die() // the lease runs out
			if c := w.containers["shop-api-1"]; c != nil && c.Run == "" && c.Running && len(w.serving("api")) == 0 {
				t.Errorf("killed after %s: %s runs and nobody serves", where, c.Name)
			}
		}
	}
}

// pathGate knows that the old version has no /new.
type pathGate struct {
	inner Gate
	w     *world
}

func (g pathGate) Gate(ctx context.Context, spec GateSpec, probed func(Probe)) error {
	if c := g.w.containers[spec.Container]; c != nil && c.Run == "" && spec.HealthPath == "/new" {
		return &GateError{Container: spec.Container, Reason: "404 Not Found at /new"}
	}
	return g.inner.Gate(ctx, spec, probed)
}

// An update that brings its own health path and fails can be undone: the old
// version is not asked for a path that it does not have.
func TestUndoDoesNotAskOldForNewPath(t *testing.T) {
	for _, s := range scenarios {
		if s.name != "container_name and a hold" {
			continue
		}
		s.bad = "api"
		s.services = []project.Service{with(s.services[0], func(s *project.Service) { s.Route = &project.Route{Port: 8000, Path: "/", HealthPath: "/new"} })}
		w, plan := s.must(t)
		env := w.env()
		env.Gate = pathGate{env.Gate, w}
		outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		w.die()
		if outcome.Result != ResultRolledBack || len(w.serving("api")) == 0 {
			t.Errorf("ends %s (%v), serving %v", outcome.Result, outcome.Stuck, w.serving("api"))
		}
	}
}

// Two old containers come back at the same time: the route that is set last
// knows both, because each looks at the containers and sets the route in one
// act.
func TestParallelUndoRoutes(t *testing.T) {
	route := RouteState{Listeners: []string{":80"}, Path: "/", Port: 8000, Targets: []TargetRef{{Container: "a"}, {Container: "b"}}}
	w := newWorld()
	a := w.add(Container{Name: "a", Service: "api", Restart: "no"})
	b := w.add(Container{Name: "b", Service: "api", Restart: "no"})
	env := w.env()
	late := &lateRouter{Router: env.Router}
	env.Router = late
	late.before = func() { // b comes up while a is about to set the route that it saw
		late.before = func() {}
		if env.routing.TryLock() {
			env.routing.Unlock()
			t.Error("another undo could set its route between the look and the act")
		}
	}
	step := func(c *Container) planStep {
		return planStep{&StopStep{Service: "api", Name: c.Name, ID: c.ID, Restart: "always", UndoRoute: &route}}
	}
	if err := (&ParallelStep{Steps: []planStep{step(a), step(b)}}).Undo(context.Background(), env); err != nil {
		t.Fatal(err)
	}
	if n := len(w.routes["api"].targets); n != 2 {
		t.Errorf("the edge knows %d of 2 containers, so that the gate of the other never passes", n)
	}
}

// lateRouter lets something happen right before a route is set.
type lateRouter struct {
	Router
	before func()
}

func (r *lateRouter) Routes(ctx context.Context, changes []RouteChange) error {
	r.before()
	return r.Router.Routes(ctx, changes)
}

// A migration that still runs when its update is resumed is waited for.
func TestResumeWaitsForJob(t *testing.T) {
	w := newWorld()
	w.add(Container{Name: "shop-migrate-1", Service: "migrate", Run: "run1", Running: true, Restart: "no"})
	if err := (&JobStep{Service: "migrate", Name: "shop-migrate-1", AtMost: time.Minute}).Undo(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(w.calls, "signal shop-migrate-1") && w.now.Sub(newWorld().now) < time.Minute {
		t.Errorf("the running migration was signalled at once: %v", w.calls)
	}
}

// Requests that must wait longer than the hold lasts fail: the plan says so.
func TestHoldShorterThanBootIsAGap(t *testing.T) {
	service := with(web("api"), func(s *project.Service) { s.ContainerName = "shop-api-1"; s.HoldLimit = 30 * time.Second })
	p := &project.Project{Name: "shop", Services: []project.Service{service}, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
	old := up("api", 1)
	plan, err := Make(State{Containers: []Container{old}, StepTimes: map[string]time.Duration{StepKey("gate", "api"): 45 * time.Second},
		Routes: map[string]RouteState{"api": {Path: "/", Port: 8000, Listeners: []string{":80"}, Targets: []TargetRef{{Container: old.Name, Weight: 1}}}}},
		p, []change.Change{{Service: "api", Replace: []string{old.Name}, Causes: []change.Cause{{Kind: change.KindImage, Words: "image"}}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !plan.HasGap() {
		t.Errorf("no gap is announced:\n%s", plan.Text())
	}
}

// A service whose healthcheck only tunes the one of its image has a test that
// a gate can run.
func TestHealthcheckWithoutTest(t *testing.T) {
	spec := gateSpec(with(plain("worker", project.RoleWorker), func(s *project.Service) { s.Healthcheck = &project.Healthcheck{Interval: time.Second, Retries: 3} }), "shop-worker-1")
	if spec.Kind == GateHealthcheck && len(spec.Test) == 0 {
		t.Error("the gate has no test and fails every update")
	}
}

// A service that is renamed keeps its route all the time.
func TestRenamedServiceStaysRouted(t *testing.T) {
	s := scenario{services: []project.Service{web("web")}, running: []Container{up("api", 1)}, release: &Release{Number: 1}}
	w, _ := s.must(t)
	old := w.containers["shop-api-1"]
	ref := TargetRef{Container: old.Name, Weight: 1}
	route := RouteState{Listeners: []string{":80"}, Path: "/", Port: 8000, Targets: []TargetRef{ref}}
	w.routes["api"] = fakeRoute{route, []RouteTarget{{ref, old.Address() + ":8000"}}}
	w.wanted["web"] = newImage
	p := &project.Project{Name: "shop", Services: s.services, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
	plan, err := Make(State{Release: &Release{Number: 1}, Containers: []Container{*old}, Routes: map[string]RouteState{"api": route}}, p,
		[]change.Change{{Service: "web", Missing: 1, Causes: []change.Cause{{Kind: change.KindMissing, Words: "not there yet"}}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = execute(w, &plan, func(string, *RouteState, []RouteTarget) {
		if len(w.serving("api"))+len(w.serving("web")) == 0 {
			t.Errorf("nobody serves / after %v", w.calls[len(w.calls)-1])
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// At every moment one container of a service comes back after a loss of power.
func TestOneVersionBoots(t *testing.T) {
	for _, s := range scenarios {
		if s.name != "container_name and a hold" && s.name != "not enough memory" && s.name != "a database that was named" {
			continue
		}
		seen := map[string]bool{}
		for at := 1; ; at++ {
			w, plan := s.must(t)
			w.crashAt, w.crashAfter = at, true
			_, crashed, _ := start(w, &plan)
			if !crashed {
				break
			}
			boots := map[string]bool{}
			for _, c := range w.containers {
				boots[c.Service] = boots[c.Service] || c.Restart != "no"
			}
			for name, yes := range boots {
				if !yes && !seen[name] {
					seen[name] = true
					t.Errorf("%s: no container of %s comes back after a loss of power at %s", s.name, name, w.calls[len(w.calls)-1])
				}
			}
		}
	}
}

// A service that was not named is left alone: its running containers are not
// addressed at the port of the version that they are not.
func TestUnnamedServiceKeepsItsPort(t *testing.T) {
	w, plan := scenario{services: []project.Service{with(web("api"), func(s *project.Service) { s.Route.Port = 9000 }), plain("worker", project.RoleWorker)},
		running: []Container{up("api", 1), up("worker", 1)}, routed: []string{"api"}, release: &Release{Number: 1}, options: Options{Named: []string{"worker"}}}.must(t)
	if _, err := execute(w, &plan, nil); err != nil {
		t.Fatal(err)
	}
	if address := w.routes["api"].targets[0].Address; !strings.HasSuffix(address, ":8000") {
		t.Errorf("old api is served at %s after an update of worker only (gap announced: %t)\n%s", address, plan.HasGap(), plan.Text())
	}
}

// Somebody replaces the old container under its name in the middle: the undo
// leaves the stranger running as it is.
func TestUndoDoesNotRestartAStranger(t *testing.T) {
	for _, policy := range []string{"no", "always", "unless-stopped"} {
		w, plan := scenario{services: []project.Service{plain("worker", project.RoleWorker)}, running: []Container{up("worker", 1)}, release: &Release{Number: 7}}.must(t)
		env := w.env()
		env.Gate = replacingGate{env.Gate, w, policy}
		outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
		var foreign *ForeignError
		if err != nil || outcome.Result != ResultRolledBack || !errors.As(outcome.Cause, &foreign) {
			t.Fatal(outcome, err)
		}
		stranger := w.containers["shop-worker-1"]
		if slices.Contains(w.calls, "settle shop-worker-1") || !stranger.Running || stranger.Restart != policy {
			t.Errorf("%s: restarted, or not as it was: %+v", policy, stranger)
		}
	}
}

// replacingGate replaces the old container of a service, as docker compose up
// does, when the new one is looked at.
type replacingGate struct {
	inner  Gate
	w      *world
	policy string
}

func (g replacingGate) Gate(ctx context.Context, spec GateSpec, probed func(Probe)) error {
	if c := g.w.containers["shop-worker-1"]; spec.Container != c.Name {
		g.w.add(Container{Name: c.Name, Service: c.Service, Number: 1, ImageID: newImage, Running: true, Restart: g.policy})
	}
	return g.inner.Gate(ctx, spec, probed)
}
