package edgectl

import (
	"testing"

	"gapless/internal/edge/wire"
)

// The port of a container in an IPv6 network is read too.
func TestRouteStatesIPv6(t *testing.T) {
	routes := RouteStates(wire.ProjectConfig{Services: []wire.Service{{Name: "api", Targets: []wire.Target{{ID: "a", Address: "[fd00::2]:8000", Weight: 1}}}}})
	if port := routes["api"].Port; port != 8000 {
		t.Errorf("port %d: an undo routes to it", port)
	}
}
