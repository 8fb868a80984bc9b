//go:build e2e

package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// compareJSON compares what the engine said about two containers.
func compareJSON(t *testing.T, what string, theirs, ours any) {
	t.Helper()
	decode := func(value any) (decoded any) {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Fatal(err)
		}
		return decoded
	}
	if difference := cmp.Diff(decode(theirs), decode(ours)); difference != "" {
		t.Errorf("%s differs (- docker compose, + ours)\n%s", what, difference)
	}
}

// sortHost orders what docker compose takes from a map.
func sortHost(c container.InspectResponse) *container.HostConfig {
	host := *c.HostConfig
	host.Binds = slices.Sorted(slices.Values(host.Binds))
	host.Mounts = slices.Clone(host.Mounts)
	slices.SortFunc(host.Mounts, func(a, b mount.Mount) int { return strings.Compare(a.Target, b.Target) })
	return &host
}

// withoutID leaves out the alias that the engine makes of the ID.
func withoutID(aliases []string, id string) []string {
	kept := slices.DeleteFunc(slices.Clone(aliases), func(alias string) bool { return strings.HasPrefix(id, alias) })
	slices.Sort(kept)
	return kept
}

func waitExit(t *testing.T, w *Workbench, name string) {
	t.Helper()
	eventually(t, name+" ends", func() bool {
		c, err := w.Inspect(background, name)
		return err == nil && !c.Running && !c.StartedAt.IsZero()
	})
}
