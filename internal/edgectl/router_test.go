package edgectl

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"gapless/internal/edge/wire"
	"gapless/internal/update"
)

// The port of a container in an IPv6 network is read too.
func TestRouteStatesIPv6(t *testing.T) {
	routes := RouteStates(wire.ProjectConfig{Services: []wire.Service{{Name: "api", Targets: []wire.Target{{ID: "a", Address: "[fd00::2]:8000", Weight: 1}}}}})
	if port := routes["api"].Port; port != 8000 {
		t.Errorf("port %d: an undo routes to it", port)
	}
}

// The follower gives a new address while an update moves another route: the
// update does not put the old address back.
func TestRouteKeepsWhatOthersChange(t *testing.T) {
	directory := t.TempDir()
	runEdge(t, directory)
	client := New(directory)
	if _, err := client.awaitHealth(t.Context()); err != nil {
		t.Fatal(err)
	}
	router := NewRouter(client, "shop", nil)
	set := func(ctx context.Context, service, ip string) error {
		target := update.RouteTarget{TargetRef: update.TargetRef{Container: service + "-1", Weight: 1}, Address: ip + ":80"}
		return router.Routes(ctx, []update.RouteChange{{Service: service, Route: &update.RouteState{Path: "/" + service}, Targets: []update.RouteTarget{target}}})
	}
	for round := range 50 {
		if err := set(t.Context(), "api", "10.0.0.1"); err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() {
			if err := set(t.Context(), "web", fmt.Sprintf("10.0.2.%d", round+1)); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			if err := client.Readdress(t.Context(), "shop", map[string]string{"api-1": "10.0.0.9"}); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		config, err := client.Get(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		for _, service := range config.Services {
			if service.Name == "api" && service.Targets[0].Address != "10.0.0.9:80" {
				t.Fatalf("round %d: the old address %s is back", round, service.Targets[0].Address)
			}
		}
	}
}

// A put that was made from an older generation changes nothing.
func TestPutOfAnOldGeneration(t *testing.T) {
	directory := t.TempDir()
	runEdge(t, directory)
	client := New(directory)
	if _, err := client.awaitHealth(t.Context()); err != nil {
		t.Fatal(err)
	}
	config := wire.ProjectConfig{Project: "shop", Services: []wire.Service{}, Listeners: []wire.Listener{}}
	if _, err := client.Put(t.Context(), config, PutOptions{}); err != nil {
		t.Fatal(err)
	}
	state, err := client.State(t.Context(), "shop")
	if err != nil || state.Generation == 0 {
		t.Fatalf("%+v, %v", state, err)
	}
	if _, err := client.Put(t.Context(), config, PutOptions{IfGeneration: state.Generation}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(t.Context(), config, PutOptions{IfGeneration: state.Generation}); !errors.Is(err, ErrOutdated) {
		t.Errorf("got %v", err)
	}
}

// Two services trade their paths: each change alone would be a conflict, and
// together they are one generation.
func TestRoutesInOneAct(t *testing.T) {
	directory := t.TempDir()
	runEdge(t, directory)
	client := New(directory)
	if _, err := client.awaitHealth(t.Context()); err != nil {
		t.Fatal(err)
	}
	router := NewRouter(client, "shop", nil)
	route := func(service, path string) update.RouteChange {
		target := update.RouteTarget{TargetRef: update.TargetRef{Container: service + "-1", Weight: 1}, Address: "10.0.0.1:80"}
		return update.RouteChange{Service: service, Route: &update.RouteState{Listeners: []string{filepath.Join(directory, "shop.sock")}, Path: path}, Targets: []update.RouteTarget{target}}
	}
	set := func(changes ...update.RouteChange) (uint64, map[string]update.RouteState) {
		err := router.Routes(t.Context(), changes)
		state, stateErr := client.State(t.Context(), "shop")
		if err != nil || stateErr != nil {
			t.Fatal(err, stateErr)
		}
		return state.Generation, RouteStates(state.ProjectConfig)
	}
	first, _ := set(route("api", "/"), route("shop", "/shop"), route("old", "/old"))
	second, routes := set(route("api", "/shop"), route("shop", "/"), update.RouteChange{Service: "old"})
	if second != first+1 || len(routes) != 2 || routes["api"].Path != "/shop" || routes["shop"].Path != "/" {
		t.Errorf("from generation %d to %d: %+v", first, second, routes)
	}
	if err := router.Routes(t.Context(), []update.RouteChange{route("shop", "/x"), route("api", "/x")}); !errors.Is(err, ErrConflict) {
		t.Errorf("two services on one path: %v", err)
	}
	if state, err := client.State(t.Context(), "shop"); err != nil || state.Generation != second {
		t.Errorf("a refused change moved the edge to generation %d, %v", state.Generation, err)
	}
}
