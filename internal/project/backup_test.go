package project

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loadText loads a project from the text of a compose file.
func loadText(t *testing.T, text string) *Project {
	t.Helper()
	file := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(t.Context(), Options{Files: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBackupItem: a name is a database, a volume, or a service with one volume; a
// volume of two says whose it is.
func TestBackupItem(t *testing.T) {
	p := loadText(t, `
name: shop
services:
  db: {image: "postgres:15", volumes: ["data:/var/lib/postgresql/data"]}
  cache: {image: "valkey/valkey:8", volumes: ["cache:/data"]}
  mongo: {image: "mongo:7", volumes: ["mongo-data:/data/db"]}
  web: {image: "example/web", ports: ["80"], volumes: ["media:/media", "cached:/cached"]}
  worker: {image: "example/web", volumes: ["media:/media"]}
  plain: {image: "example/plain", volumes: ["media:/media:ro"]}
  none: {image: "example/none"}
volumes: {data: {}, cache: {}, media: {}, cached: {}, mongo-data: {}}
x-gapless: {backup: {also: [cache, media]}}
`)
	for name, want := range map[string]string{
		"db":      "postgres db",
		"cache":   "redis cache",
		"media":   "volume volume media of plain and web and worker",
		"plain":   "volume volume media of plain and web and worker",
		"data":    "volume volume data of db",
		"web":     "error has several volumes (media, cached)",
		"none":    "error there is nothing to back up",
		"nowhere": "error there is no service and no volume",
	} {
		item, err := p.BackupItem(name)
		got := item.Kind + " " + item.Text()
		if err != nil {
			got = "error " + err.Error()
		}
		if kind, text, _ := strings.Cut(want, " "); !strings.HasPrefix(got, kind) || !strings.Contains(got, text) {
			t.Errorf("%s: %s", name, got)
		}
	}
	items, err := p.BackupItems()
	if err != nil || len(items) != 3 || items[0].Service != "db" || items[1].Kind != BackupRedis || items[2].Volume != "media" {
		t.Errorf("%+v, %v", items, err)
	}
	if p.VolumeName("media") != "shop_media" {
		t.Error(p.VolumeName("media"))
	}
	for volume, want := range map[string]string{"data": "db gapless backup create db", "mongo-data": "mongo stop it", "media": ""} {
		found := ""
		for service, why := range p.DatabasesOn(volume) {
			found = service + " " + why
		}
		if !strings.HasPrefix(found, want) || want == "" && found != "" {
			t.Errorf("%s: %q", volume, found)
		}
	}
}

// TestNothingToBackUp: what is named has to be there.
func TestNothingToBackUp(t *testing.T) {
	p := loadText(t, "name: shop\nservices: {web: {image: example/web}}\nx-gapless: {backup: {also: [media]}}\n")
	if _, err := p.BackupItems(); err == nil || !strings.Contains(err.Error(), "x-gapless.backup.also") {
		t.Error(err)
	}
}
