package update

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// switching is a step that moves the routes of api and shop to new containers
// and takes the one of legacy over, with the world that it acts on.
func switching() (*world, *SwitchStep) {
	w := newWorld()
	for _, name := range []string{"api-1", "api-2", "shop-1", "shop-2", "legacy-1"} {
		service, _, _ := strings.Cut(name, "-")
		w.add(Container{Name: name, Service: service, Running: true})
	}
	to := func(path string, names ...string) *RouteState {
		route := &RouteState{Listeners: []string{":80"}, Path: path, Port: 8000}
		for _, name := range names {
			route.Targets = append(route.Targets, TargetRef{Container: name, Weight: 1})
		}
		return route
	}
	legacy := *to("/old", "legacy-1")
	step := &SwitchStep{
		Service: "api", Before: to("/", "api-1"), After: to("/", "api-2"),
		Instead: map[string]RouteState{"legacy": legacy},
		Also:    []RouteMove{{Service: "shop", Before: to("/shop", "shop-1"), After: to("/shop", "shop-2")}},
	}
	if err := setRoutes(context.Background(), w.env(), RouteMove{Service: "api", After: step.Before},
		RouteMove{Service: "shop", After: step.Also[0].Before}, RouteMove{Service: "legacy", After: &legacy}); err != nil {
		panic(err)
	}
	w.calls = nil
	return w, step
}

// All routes of a switch move at the same moment, forth and back.
func TestSwitchIsOneAct(t *testing.T) {
	w, step := switching()
	before := w.summary()
	if err := step.Do(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	acts := slices.DeleteFunc(slices.Clone(w.calls), func(label string) bool { return !strings.HasPrefix(label, "route ") })
	if diff := cmp.Diff([]string{"route api legacy shop"}, acts); diff != "" {
		t.Error(diff)
	}
	if got := append(w.serving("api"), append(w.serving("shop"), w.serving("legacy")...)...); !slices.Equal(got, []string{"api-2", "shop-2"}) {
		t.Errorf("%v serve", got)
	}
	if err := step.Undo(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.summary()); diff != "" {
		t.Error(diff)
	}
}

// A switch to a container that died since its gate moves no route at all.
func TestSwitchToTheDeadMovesNothing(t *testing.T) {
	w, step := switching()
	w.containers["shop-2"].Running, w.containers["shop-2"].Addresses = false, nil
	before := w.summary()
	if err := step.Do(context.Background(), w.env()); err == nil {
		t.Fatal("switched to a container that does not run")
	}
	if diff := cmp.Diff(before, w.summary()); diff != "" {
		t.Error(diff)
	}
}

// A journal gives back a switch of several routes as it was.
func TestSwitchRoundTrip(t *testing.T) {
	_, step := switching()
	text, err := json.Marshal(planStep{step})
	if err != nil {
		t.Fatal(err)
	}
	var back planStep
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Step(step), back.Step); diff != "" {
		t.Error(diff)
	}
	want := Line{Verb: "switch", Object: "/ and /shop", Detail: "api-1 -> api-2; shop-1 -> shop-2; all at once"}
	if diff := cmp.Diff(want, step.Line()); diff != "" {
		t.Error(diff)
	}
}

// busyRouter has requests in flight to a container for some looks.
type busyRouter struct {
	fakeRouter
	busy  string
	looks int
}

func (r *busyRouter) InFlight(_ context.Context, name string) (int, error) {
	if name == r.busy && r.looks > 0 {
		r.looks--
		return 1, nil
	}
	return 0, nil
}

// The way back waits for the requests that the new version still answers: the
// undo of its start, which stops it, comes next.
func TestSwitchBackWaitsForTheLastRequests(t *testing.T) {
	w, step := switching()
	if err := step.Do(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	router := &busyRouter{fakeRouter: fakeRouter{w}, busy: "shop-2", looks: 3}
	env := w.env()
	env.Router = router
	if err := step.Undo(context.Background(), env); err != nil {
		t.Fatal(err)
	}
	if router.looks != 0 {
		t.Errorf("left while shop-2 was still answering")
	}
}
