package project

import (
	"os"
	"testing"
)

// deploy.restart_policy is a restart policy for docker compose as well.
func TestDeployRestartPolicy(t *testing.T) {
	path := t.TempDir() + "/compose.yaml"
	text := "name: shop\nservices:\n  api:\n    image: \"nginx:1\"\n    deploy: {restart_policy: {condition: any}}\n  worker:\n    image: \"nginx:1\"\n    restart: always\n    deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Load(t.Context(), Options{Files: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"api": "always", "worker": "on-failure:3"} {
		if s, _ := p.Service(name); s.Restart != want {
			t.Errorf("%s: restart %q, docker compose gives %q", name, s.Restart, want)
		}
	}
}
