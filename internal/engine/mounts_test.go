package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"gapless/internal/update"
)

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mountBench is a project of one service with these volumes, as "source:target"
// or "source:target:ro".
func mountBench(directory string, service types.ServiceConfig, volumes ...string) *Workbench {
	service.Name = "one"
	for _, volume := range volumes {
		parts := strings.Split(volume, ":")
		service.Volumes = append(service.Volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind,
			Source: filepath.Join(directory, parts[0]), Target: parts[1], ReadOnly: len(parts) > 2})
	}
	return &Workbench{engine: &Engine{}, project: &types.Project{Name: "shop", WorkingDir: filepath.Join(directory, "project"),
		Services: types.Services{"one": service}, Environment: types.Mapping{"TOKEN": "s3cret"},
		Configs: types.Configs{"inline": {Content: "content"}, "file": {File: filepath.Join(directory, "project/file.conf")}},
		Secrets: types.Secrets{"token": {Environment: "TOKEN"}, "unset": {Environment: "UNSET"}}}}
}

func mountsOf(t *testing.T, w *Workbench) map[string]update.MountedFile {
	t.Helper()
	found, err := w.Mounts(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	byTarget := map[string]update.MountedFile{}
	for _, file := range found["one"] {
		byTarget[file.Target] = file
	}
	return byTarget
}

// Configuration is compared, data is not.
func TestMountsTellConfigurationFromData(t *testing.T) {
	directory := t.TempDir()
	for path, content := range map[string]string{
		"project/nginx.conf": "a", "project/conf/site.conf": "b", "project/data/x": "c", "project/app.db": "d", "project/file.conf": "e",
		"project/store": "SQLite format 3\x00...", "outside/site.conf": "f", "outside/one.conf": "g", "projects/near": "h",
	} {
		writeFile(t, filepath.Join(directory, path), content)
	}
	service := types.ServiceConfig{}
	service.Configs = []types.ServiceConfigObjConfig{{Source: "inline", Target: "/etc/inline"}, {Source: "file"}}
	service.Secrets = []types.ServiceSecretConfig{{Source: "token"}, {Source: "unset"}}
	w := mountBench(directory, service, "project/nginx.conf:/nginx.conf", "project/conf:/conf:ro", "project/data:/data", "project/app.db:/app.db",
		"project/store:/store", "outside:/outside:ro", "outside/one.conf:/one.conf:ro", "projects:/near:ro", "project/missing:/missing:ro",
		"project/unmade:/unmade", "project/app.db:/fixture.db:ro")
	found := mountsOf(t, w)
	for target, compared := range map[string]bool{
		"/nginx.conf": true, "/conf": true, "/data": false, "/app.db": false, "/store": false, "/outside": false, "/one.conf": true,
		"/near": false, "/missing": false, "/unmade": false, "/fixture.db": true, "/etc/inline": true, "/file": true, "/run/secrets/token": true, "/run/secrets/unset": false,
	} {
		if got := found[target].Hash != ""; got != compared {
			t.Errorf("%s is compared: %t (%+v)", target, got, found[target])
		}
	}
	if len(found) != 8 || !strings.Contains(found["/missing"].Note, "no such file") || !found["/nginx.conf"].Writable || found["/conf"].Writable {
		t.Errorf("%d: %+v", len(found), found)
	}
	if inline, token := found["/etc/inline"], found["/run/secrets/token"]; !inline.Injected || inline.Source != "config inline" || token.Source != "secret token" || found["/file"].Injected {
		t.Errorf("%+v %+v", inline, token)
	}
}

// What one service writes for another to read is no configuration of the other.
func TestMountsLeaveOutWhatTheProjectWrites(t *testing.T) {
	directory := t.TempDir()
	for _, path := range []string{"static/app.css", "up/a/x", "conf/site.conf", "media/thumbs/x", "nginx.conf"} {
		writeFile(t, filepath.Join(directory, "project", path), "x")
	}
	w := mountBench(directory, types.ServiceConfig{}, "project/static:/static:ro", "project/up/a:/a:ro", "project/conf:/conf:ro", "project/media:/media:ro",
		"project/nginx.conf:/nginx.conf:ro")
	writer := types.ServiceConfig{Name: "writer"}
	for _, source := range []string{"project", "project/static", "project/up", "project/media/thumbs", "project/nginx.conf"} {
		writer.Volumes = append(writer.Volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: filepath.Join(directory, source), Target: "/" + source})
	}
	w.project.Services["writer"] = writer
	found := mountsOf(t, w)
	if _, has := found["/conf"]; !has || len(found) != 2 || found["/nginx.conf"].Hash == "" {
		t.Errorf("%+v", found)
	}
}

// Each change that a container can see is another hash, and nothing else is.
func TestMountHashes(t *testing.T) {
	directory := t.TempDir()
	conf := filepath.Join(directory, "project/conf")
	writeFile(t, filepath.Join(conf, "a/site.conf"), "one")
	writeFile(t, filepath.Join(conf, "other.conf"), "one")
	w := mountBench(directory, types.ServiceConfig{}, "project/conf:/conf:ro")
	last := mountsOf(t, w)["/conf"].Hash
	for _, step := range []struct {
		what    string
		act     func() error
		changes bool
	}{
		{"nothing", func() error { return nil }, false},
		{"a commit", func() error { writeFile(t, filepath.Join(conf, ".git/HEAD"), "x"); return nil }, false},
		{"content", func() error { writeFile(t, filepath.Join(conf, "a/site.conf"), "two"); return nil }, true},
		{"a new file", func() error { writeFile(t, filepath.Join(conf, "a/more.conf"), ""); return nil }, true},
		{"another name", func() error { return os.Rename(filepath.Join(conf, "a/more.conf"), filepath.Join(conf, "a/less.conf")) }, true},
		{"executable", func() error { return os.Chmod(filepath.Join(conf, "other.conf"), 0o755) }, true},
		{"an empty directory", func() error { return os.Mkdir(filepath.Join(conf, "empty"), 0o755) }, true},
		{"a link", func() error { return os.Symlink("a/site.conf", filepath.Join(conf, "link")) }, true},
		{"a removal", func() error { return os.Remove(filepath.Join(conf, "a/less.conf")) }, true},
	} {
		if err := step.act(); err != nil {
			t.Fatal(err)
		}
		now := mountsOf(t, w)["/conf"]
		if (now.Hash != last) != step.changes || now.Hash == "" {
			t.Errorf("%s: %+v, was %s", step.what, now, last)
		}
		last = now.Hash
	}
}

// Too much is not read; what comes first is still compared.
func TestMountBudget(t *testing.T) {
	usual := mountBudget
	defer func() { mountBudget = usual }()
	mountBudget = budget{files: 3, bytes: 100}
	directory := t.TempDir()
	for _, path := range []string{"a/1", "b/1", "b/2", "b/3", "b/4", "c/1", "d/1"} {
		writeFile(t, filepath.Join(directory, "project", path), strings.Repeat("x", 30))
	}
	writeFile(t, filepath.Join(directory, "project/e/1"), strings.Repeat("x", 101))
	found := mountsOf(t, mountBench(directory, types.ServiceConfig{}, "project/a:/a:ro", "project/b:/b:ro", "project/c:/c:ro", "project/a:/c2:ro", "project/d:/d:ro", "project/e:/e:ro"))
	for target, compared := range map[string]bool{"/a": true, "/b": false, "/c": true, "/c2": true, "/d": false, "/e": false} {
		if got := found[target]; (got.Hash != "") != compared || compared == strings.Contains(got.Note, "more than 3 files") {
			t.Errorf("%s: %+v", target, got)
		}
	}
}
