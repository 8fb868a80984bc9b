package cli

import (
	"os"
	"testing"

	"gapless/internal/change"
	"gapless/internal/project"
	"gapless/internal/update"
)

// gapless update api does not build worker, whose source changed as well: the
// next update must still see that.
func TestNamedUpdateKeepsOtherSourcesChanged(t *testing.T) {
	directory := t.TempDir()
	writeFile(t, directory+"/compose.yaml", "name: shop\nservices:\n  api: {build: ., command: [a]}\n  worker: {build: ., command: [b]}\n")
	p, err := project.Load(t.Context(), project.Options{Files: []string{directory + "/compose.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{project: p}
	state := update.State{Sources: map[string]change.Source{"api": {Hash: "new"}, "worker": {Hash: "new"}}}
	release, err := s.pendingRelease(p, update.Plan{To: 2, From: 1, Project: "shop", Phases: []update.Phase{{Name: update.PhasePrepare,
		Steps: []update.Step{&update.BuildStep{Service: "api"}}}}}, state, "run1")
	if err != nil {
		t.Fatal(err)
	}
	// The recorder adds what runs: worker still has its old image.
	worker := release.Services["worker"]
	worker.ImageID = "sha256:old"
	next := builtFrom(&update.Release{Services: map[string]update.ReleaseService{"worker": worker}}, "worker", "sha256:old")
	changes := change.Detect(&project.Project{Services: []project.Service{{Name: "worker", Build: true, Image: "shop-worker", Replicas: 1}}},
		map[string]change.Wanted{"worker": {Image: "shop-worker", ImageID: "sha256:old", Source: &change.Source{Hash: "new"}}},
		map[string][]change.Running{"worker": {{Name: "shop-worker-1", Image: "shop-worker", ImageID: "sha256:old", Source: next, Up: true}}})
	if len(changes) == 0 {
		t.Error("the changed source of worker is never deployed: gapless update says that there is nothing to do")
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
