package cli

import (
	"context"
	"io"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"gapless/internal/engine"
	"gapless/internal/project"
	"gapless/internal/update"
)

// registry is a host whose pulls bring new images.
type registry map[string]string

func (r registry) ImageID(_ context.Context, reference string) (string, error) {
	if id := r[reference]; id != "" {
		return id, nil
	}
	return "", &engine.ImageError{Kind: engine.ImageMissing, Reference: reference}
}

func (r registry) Pull(_ context.Context, service string) (string, error) {
	r[service+":1"] = "new"
	return "new", nil
}

func (r registry) Tag(_ context.Context, id, reference string) error {
	r[reference] = id
	return nil
}

// References that a pull moved go back to what they named before.
func TestPulledImagesGoBack(t *testing.T) {
	host := registry{"api:1": "old"}
	s := &session{app: &app{err: io.Discard}, project: &project.Project{Compose: &types.Project{},
		Services: []project.Service{{Name: "api", Image: "api:1"}, {Name: "web", Image: "web:1"}, {Name: "own", Image: "own:1", Build: true}}}}
	moved, err := s.pullImages(t.Context(), host, true)
	if err != nil || len(moved) != 1 || host["api:1"] != "new" || host["own:1"] != "" {
		t.Fatalf("%v, %v, %v", moved, err, host)
	}
	if err := tagBack(t.Context(), host, moved); err != nil || host["api:1"] != "old" {
		t.Errorf("%v, %v", err, host)
	}
}

// A rollback asks nothing of the image of a database that goes on running.
func TestRollbackLeavesADatabaseAlone(t *testing.T) {
	db := project.Service{Name: "db", Role: project.RoleStateful}
	containers := []update.Container{{Name: "shop-db-1", Service: "db", Running: true}, {Name: "shop-api-1", Service: "api", Running: true}}
	if !staysAsItIs(db, containers) {
		t.Error("a running database is asked for its image")
	}
	containers[0].Running = false
	if staysAsItIs(db, containers) || staysAsItIs(project.Service{Name: "api", Role: project.RoleWeb}, containers) {
		t.Error("a service that is replaced is left out")
	}
}
