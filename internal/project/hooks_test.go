package project

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHooks finds the hooks that an update does not run; post_start runs.
func TestHooks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	text := `services:
  api:
    image: a:1
    pre_start: [{command: [a], per_replica: false}]
    post_start: [{command: [b]}]
    pre_stop: [{command: [c]}]
  worker:
    image: a:1
    post_start: [{command: [b]}]
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Load(context.Background(), Options{Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"api": {"pre_start", "pre_stop"}, "worker": nil} {
		service, _ := p.Service(name)
		if diff := cmp.Diff(want, service.Hooks); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
