package project

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// A worker gets time for its jobs unless the compose file says how much.
func TestWorkerGrace(t *testing.T) {
	directory := writeFiles(t, map[string]string{"compose.yaml": `
services:
  api: {image: shop, ports: ["80:8000"]}
  worker: {image: shop, command: celery -A shop worker}
  declared: {image: shop, x-gapless: {role: worker}}
  hasty: {image: shop, command: celery -A shop worker, stop_grace_period: 10s}
  beat: {image: shop, command: celery -A shop beat}
`})
	p, err := Load(context.Background(), Options{Files: []string{filepath.Join(directory, "compose.yaml")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]time.Duration{
		"api": defaultStopGrace, "worker": DefaultWorkerGrace, "declared": DefaultWorkerGrace, "hasty": 10 * time.Second, "beat": defaultStopGrace,
	} {
		service, _ := p.Service(name)
		if service.StopGrace != want || service.GraceSet != (name == "hasty") {
			t.Errorf("%s (%s) gets %s, set %t", name, service.Role, service.StopGrace, service.GraceSet)
		}
	}
	content, err := p.Render()
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadRendered(context.Background(), content, directory)
	if err != nil {
		t.Fatal(err)
	}
	if worker, _ := again.Service("worker"); worker.StopGrace != DefaultWorkerGrace {
		t.Errorf("of a recorded release: %s", worker.StopGrace)
	}
}
