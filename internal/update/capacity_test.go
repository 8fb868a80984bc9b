package update

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/change"
	"gapless/internal/project"
)

// TestNewDatabase counts connections for the service that they come from, and
// those of everybody else for the database alone.
func TestNewDatabase(t *testing.T) {
	at := func(serviceName string, addresses ...string) Container {
		return Container{Service: serviceName, Addresses: addresses}
	}
	got := NewDatabase("db", 97, map[string]int{"": 1, "127.0.0.1": 2, "10.0.0.2": 7, "10.0.1.2": 1, "10.0.0.3": 9, "10.0.0.4": 4, "192.0.2.1": 5},
		[]Container{at("api", "10.0.0.2", "10.0.1.2"), at("api", "10.0.0.3"), at("worker", "10.0.0.4"), at("host", "127.0.0.1"), at("quiet", "10.0.0.9"), at("down")})
	want := Database{Service: "db", Limit: 97, Used: 29, Each: map[string]int{"api": 9, "worker": 4}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// New images that would fill the disk are refused with the figures, whatever
// the strategy; what is not fetched needs no room.
func TestNewImagesNeedRoom(t *testing.T) {
	image := map[string]NewImage{"api": {Bytes: 300 << 20, Like: "as the image that runs"}, "idle": {Bytes: 9 << 30, Like: "never"}}
	for name, c := range map[string]struct {
		disk  *Disk
		build bool
		want  string // of the refusal; empty: none
		note  string
	}{
		"room":                 {&Disk{Directory: "/data", FreeBytes: 2 << 30, NewImages: image}, true, "", ""},
		"tight":                {&Disk{Directory: "/data", FreeBytes: 556 << 20, NewImages: image}, true, "", "the disk gets tight: the new images need about 300 MiB"},
		"too little":           {&Disk{Directory: "/data", FreeBytes: 555 << 20, NewImages: image}, true, "the disk has too little room: the new images need about 300 MiB (a guess: api 300 MiB, as the image that runs); 555 MiB are free in /data, of which 256 MiB stay in reserve", ""},
		"nothing to judge by":  {&Disk{Directory: "/data", FreeBytes: 255 << 20}, true, "the disk has too little room: 255 MiB are free in /data, of which 256 MiB stay in reserve", ""},
		"not known":            {&Disk{Unknown: "it is far away", NewImages: image}, true, "", "whether the disk has room for the new images is not known: it is far away"},
		"nothing to be built":  {&Disk{Directory: "/data", FreeBytes: 1, NewImages: image}, false, "", ""},
		"nobody looked at all": {nil, true, "", ""},
	} {
		s := scenario{services: []project.Service{with(web("api"), func(s *project.Service) { s.Build = c.build }), plain("idle", project.RoleStateful)},
			running: []Container{up("api", 1), now("idle", 1)}, routed: []string{"api"}, release: &Release{Number: 1}, disk: c.disk}
		_, plan, err := s.build()
		var full *RefusedError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &full) || full.Reason != c.want || full.Hint() == ""):
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		text := plan.Text()
		if c.note == "" && strings.Contains(text, "disk") || !strings.Contains(text, c.note) {
			t.Errorf("%s: the plan does not say %q:\n%s", name, c.note, text)
		}
	}
}

// TestComparePeaks: each strategy has its own peaks, also the one that they
// refuse.
func TestComparePeaks(t *testing.T) {
	names := []string{"api", "shop", "worker"}
	p := &project.Project{Name: "shop", Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
	state := State{Release: &Release{Number: 1}, Routes: map[string]RouteState{}, Capacity: Capacity{MemoryAvailableBytes: 250 << 20,
		Databases: []Database{{Service: "db", Limit: 97, Used: 40, Each: map[string]int{"api": 10, "shop": 6, "worker": 2}}}}}
	var changes []change.Change
	for _, name := range names {
		service := web(name)
		service.Route.Path = "/" + name
		if name == "worker" {
			service = plain(name, project.RoleWorker)
		} else {
			state.Routes[name] = RouteState{Listeners: []string{":80"}, Path: "/" + name, Port: 8000, Targets: []TargetRef{{Container: "shop-" + name + "-1", Weight: 1}}}
		}
		p.Services = append(p.Services, service)
		state.Containers = append(state.Containers, up(name, 1))
		changes = append(changes, change.Change{Service: name, Replace: []string{"shop-" + name + "-1"}, Causes: []change.Cause{{Kind: change.KindImage, Words: "image changed"}}})
	}
	picked, forecasts, err := Compare(state, p, changes, Options{})
	if err != nil || picked != StrategyRolling {
		t.Fatal(picked, err)
	}
	type peak struct {
		MiB, Connections int
		Refused          bool
	}
	got := map[string]peak{}
	for _, f := range forecasts {
		got[f.Strategy] = peak{int(f.ExtraBytes >> 20), f.Connections[0].Peak, f.Refused != ""}
	}
	want := map[string]peak{StrategyRolling: {100, 50, false}, StrategyReload: {0, 40, false}, StrategyQuick: {0, 40, false}, StrategyBlueGreen: {300, 58, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
