package project

import (
	"os"
	"testing"
)

// A record says what a service really runs with, when it was left out.
func TestServicesOfAnEarlierState(t *testing.T) {
	load := func(text string) *Project {
		path := t.TempDir() + "/compose.yaml"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Load(t.Context(), Options{Files: []string{path}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	earlier := load("name: shop\nservices:\n  api: {image: \"api:1\"}\n  db: {image: \"postgres:15\", volumes: [\"data:/var/lib/postgresql/data\"]}\nvolumes: {data: {}}\n")
	now := load("name: shop\nservices:\n  api: {image: \"api:2\"}\n  db: {image: \"postgres:16\"}\n")
	content, err := now.WithServicesOf(earlier, []string{"db"}).Render()
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := LoadRendered(t.Context(), content, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"api": "api:2", "db": "postgres:15"} {
		if s, _ := recorded.Service(name); s.Image != want {
			t.Errorf("%s: %s, want %s", name, s.Image, want)
		}
	}
	if _, found := recorded.Compose.Volumes["data"]; !found {
		t.Error("the volume of db is not recorded")
	}
	if s, _ := now.Service("db"); s.Image != "postgres:16" {
		t.Error("the project itself was changed")
	}
}
