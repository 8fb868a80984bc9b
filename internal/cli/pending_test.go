package cli

import (
	"fmt"
	"os"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

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
	next := originOf(&update.Release{Services: map[string]update.ReleaseService{"worker": worker}}, "worker", "sha256:old")
	changes := change.Detect(&project.Project{Services: []project.Service{{Name: "worker", Build: true, Image: "shop-worker", Replicas: 1}}},
		map[string]change.Wanted{"worker": {Image: "shop-worker", ImageID: "sha256:old", Source: &change.Source{Hash: "new"}}},
		map[string][]change.Running{"worker": {{Name: "shop-worker-1", Image: "shop-worker", ImageID: "sha256:old", Source: next.source, Up: true}}})
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

// A release records what its containers read: a service that was left alone has
// not seen the new file, and the next update must still say so.
func TestReleaseRecordsWhatContainersRead(t *testing.T) {
	p := &project.Project{Name: "shop", Compose: &types.Project{Name: "shop"}, Services: []project.Service{{Name: "api", Image: "a"}, {Name: "nginx", Image: "n"}, {Name: "new", Image: "o"}}}
	recorded := update.ReleaseService{ImageID: "i", ConfigHash: "c", MountHashes: map[string]string{"/conf": "1"}, BaseID: "base1", BuildHash: "h"}
	state := update.State{
		Containers: []update.Container{{Name: "api-1", Service: "api", ImageID: "i", ConfigHash: "c"}, {Name: "nginx-1", Service: "nginx", ImageID: "i", ConfigHash: "c"},
			{Name: "new-1", Service: "new", ImageID: "i", ConfigHash: "c"}},
		Mounts: map[string][]update.MountedFile{"api": {{Target: "/conf", Hash: "2"}}, "nginx": {{Target: "/conf", Hash: "2"}},
			"new": {{Target: "/conf", Hash: "2"}, {Target: "/old", Hash: "2", Stale: true}}},
		BaseIDs: map[string]string{"api": "base2", "nginx": "base2"},
		Release: &update.Release{Services: map[string]update.ReleaseService{"api": recorded, "nginx": recorded}},
	}
	plan := update.Plan{To: 2, Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{
		&update.BuildStep{Service: "api", Image: "a"}, &update.HoldStep{Service: "nginx"},
		&update.StartStep{Service: "api"}}}}}
	release, err := (&session{}).pendingRelease(p, plan, state, "run")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, service := range release.Services {
		got[name] = fmt.Sprint(service.MountHashes, service.BaseID, service.BuildHash)
	}
	want := map[string]string{"api": "map[/conf:2]base2", "nginx": "map[/conf:1]base1h", "new": "map[/conf:2]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
