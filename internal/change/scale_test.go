package change

import (
	"testing"

	"gapless/internal/project"
)

// A service that is scaled to nothing is not built again and again.
func TestNoBuildOfAServiceScaledToZero(t *testing.T) {
	p := &project.Project{Services: []project.Service{{Name: "api", Build: true, Replicas: 0}}}
	if changes := Detect(p, map[string]Wanted{"api": {Image: "api", ImageID: "id", Source: &Source{Hash: "h"}}}, nil); len(changes) > 0 {
		t.Errorf("every update builds it: %v", changes[0].Words())
	}
}
