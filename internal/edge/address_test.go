package edge

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/edge/wire"
)

// TestReaddress moves what is named, and tells whether anything differs.
func TestReaddress(t *testing.T) {
	config := wire.ProjectConfig{Project: "shop", Services: []wire.Service{{Name: "api", Targets: []wire.Target{
		{ID: "a", Address: "10.0.0.1:80", Weight: 1}, {ID: "b", Address: "10.0.0.2:80", Weight: 1}, {ID: "c", Address: "10.0.0.3:80", Weight: 1},
	}}}}
	moved, changed := readdressed(config, map[string]string{"a": "10.0.0.2", "b": "", "unknown": "10.0.0.9"})
	want := []wire.Target{
		{ID: "a", Address: "10.0.0.2:80", Weight: 1}, {ID: "b", Address: "10.0.0.2:80", Weight: 1, Absent: true}, {ID: "c", Address: "10.0.0.3:80", Weight: 1},
	}
	if diff := cmp.Diff(want, moved.Services[0].Targets); diff != "" || !changed {
		t.Errorf("changed=%t (-want +got):\n%s", changed, diff)
	}
	if config.Services[0].Targets[0].Address != "10.0.0.1:80" {
		t.Error("the configuration in force was changed in place")
	}
	if _, changed := readdressed(moved, map[string]string{"a": "10.0.0.2", "b": ""}); changed {
		t.Error("the same addresses count as a change")
	}
}
