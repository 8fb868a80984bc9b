package edgectl

import (
	"errors"
	"testing"

	"gapless/internal/edge/wire"
	"gapless/internal/update"
)

// Whatever an update does to the routes, the maintenance stays, for services that it
// adds and when it takes the last one away too.
func TestRoutesKeepMaintenance(t *testing.T) {
	directory := t.TempDir()
	runEdge(t, directory)
	client := New(directory)
	if _, err := client.awaitHealth(t.Context()); err != nil {
		t.Fatal(err)
	}
	router := NewRouter(client, "shop", nil)
	if _, err := router.SetMaintenance(t.Context(), &wire.Maintenance{}, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("a project without routes: %v", err)
	}
	change := func(changes ...update.RouteChange) wire.ProjectConfig {
		t.Helper()
		if err := router.Routes(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
		config, err := client.Get(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	route := func(path, health string) *update.RouteState {
		return &update.RouteState{Path: path, HealthPath: health}
	}
	change(update.RouteChange{Service: "api", Route: route("/", "/old")})
	wanted := &wire.Maintenance{Page: wire.Page{HTML: "own"}, Allow: []string{"10.0.0.0/8"}, HealthPass: true}
	if before, err := router.SetMaintenance(t.Context(), wanted, map[string]string{"api": "/health?deep=1", "gone": "/x"}); err != nil || before != nil {
		t.Fatal(before, err)
	}
	config, err := client.Get(t.Context(), "shop")
	if err != nil || config.Maintenance == nil || config.Services[0].HealthPath != "/health" {
		t.Fatalf("%+v, %v", config, err)
	}
	config = change(update.RouteChange{Service: "api", Route: route("/", "/healthz")}, update.RouteChange{Service: "shop", Route: route("/shop", "")})
	if config.Maintenance == nil || config.Maintenance.Page.HTML != "own" || config.Services[0].HealthPath != "/healthz" {
		t.Errorf("after a switch: %+v", config)
	}
	if routes := RouteStates(config); routes["api"].HealthPath != "/healthz" {
		t.Errorf("an undo brings back %+v", routes["api"])
	}
	if config = change(update.RouteChange{Service: "api"}, update.RouteChange{Service: "shop"}); config.Maintenance == nil {
		t.Error("it went with the last route")
	}
	if before, err := router.SetMaintenance(t.Context(), nil, nil); err != nil || before == nil {
		t.Errorf("%v, %v", before, err)
	}
	if _, err := client.Get(t.Context(), "shop"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an empty project stays: %v", err)
	}
}

func TestPathOnly(t *testing.T) {
	for path, want := range map[string]string{"/health/": "/health/", "/h?a=/b": "/h", "": "", "health": "", "/a b": "", "/a#b": ""} {
		if got := pathOnly(path); got != want {
			t.Errorf("%q became %q", path, got)
		}
	}
}
