package change

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"gapless/internal/project"
)

// tree is a build context that a test changes.
type tree struct {
	t         *testing.T
	directory string
	build     *types.BuildConfig
	leaveOut  []string
}

func newTree(t *testing.T) *tree {
	directory := t.TempDir()
	made := &tree{t: t, directory: directory, build: &types.BuildConfig{Context: directory}}
	made.write("Dockerfile", "FROM scratch\n")
	made.write(".dockerignore", "*.log\nnode_modules\n!node_modules/keep\n")
	made.write("tours/views.py", "1")
	made.write("tours/migrations/__init__.py", "")
	made.write("tours/migrations/0001_initial.py", "1")
	made.write("requirements.txt", "django\n")
	made.write("static/app.css", "1")
	made.write("compose.yaml", "1")
	made.write(".git/HEAD", "1")
	return made
}

func (tr *tree) write(name, text string) {
	tr.t.Helper()
	path := filepath.Join(tr.directory, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *tree) read() Source {
	tr.t.Helper()
	source, err := ReadSource(tr.build, tr.leaveOut)
	if err != nil {
		tr.t.Fatal(err)
	}
	return source
}

// words is what a plan would say about the change of a context.
func words(now, before Source) string {
	p := &project.Project{Services: []project.Service{{Name: "api", Build: true, Replicas: 1}}}
	changes := Detect(p, map[string]Wanted{"api": {Image: "api", ImageID: "id", Source: &now}},
		map[string][]Running{"api": {{Name: "api-1", Image: "api", ImageID: "id", Source: &before, Up: true}}})
	if len(changes) == 0 {
		return ""
	}
	return changes[0].Words()
}

// TestSourceSeesWhatABuildSees changes one thing at a time and reads what the
// plan would say.
func TestSourceSeesWhatABuildSees(t *testing.T) {
	context := newTree(t)
	context.leaveOut = []string{filepath.Join(context.directory, "compose.yaml"), filepath.Join(context.directory, "data")}
	last := context.read()
	for _, c := range []struct {
		what string
		act  func()
		want string
	}{
		{"an ignored file", func() { context.write("debug.log", "x") }, ""},
		{"a file in an ignored folder", func() { context.write("node_modules/a", "x") }, ""},
		{"version control", func() { context.write(".git/HEAD", "2") }, ""},
		{"the compose file", func() { context.write("compose.yaml", "2") }, ""},
		{"a folder of a database", func() { context.write("data/base", "2") }, ""},
		{"an exception of the ignore file", func() { context.write("node_modules/keep", "x") }, "code changed (node_modules/keep)"},
		{"source", func() { context.write("tours/views.py", "2") }, "code changed (tours/views.py)"},
		{"the mode of a file", func() { _ = os.Chmod(filepath.Join(context.directory, "tours/views.py"), 0o755) }, "code changed (tours/views.py)"},
		{"a file that went", func() { _ = os.Remove(filepath.Join(context.directory, "node_modules/keep")) }, "code changed (node_modules/keep)"},
		{"three files", func() { context.write("a.py", ""); context.write("b.py", ""); context.write("c.py", "") }, "code changed (a.py and 2 more)"},
		{"dependencies", func() { context.write("requirements.txt", "django==5\n") }, "dependencies changed (requirements.txt)"},
		{"a static file", func() { context.write("static/app.css", "2") }, "static files only (static/app.css)"},
		{"static files and code", func() { context.write("static/app.css", "3"); context.write("a.py", "1") }, "code changed (a.py), static files changed (static/app.css)"},
		{"a migration", func() { context.write("tours/migrations/0002_price.py", "") }, "1 new migration (tours/0002_price)"},
		{"an edited migration", func() { context.write("tours/migrations/0002_price.py", "2") }, "code changed (tours/migrations/0002_price.py)"},
		{"the Dockerfile", func() { context.write("Dockerfile", "FROM scratch\nUSER 1\n") }, "Dockerfile changed"},
		{"the ignore file", func() { context.write(".dockerignore", "*.log\nnode_modules\n") }, "build files changed (.dockerignore)"},
		{"a build argument", func() { v := "1"; context.build.Args = types.MappingWithEquals{"A": &v} }, "build settings changed"},
		{"a link", func() { _ = os.Symlink("a.py", filepath.Join(context.directory, "link.py")) }, "code changed (link.py)"},
	} {
		c.act()
		now := context.read()
		if got := words(now, last); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
		last = now
	}
}

// A context with too many files for a list is compared by its parts.
func TestSourceWithoutAList(t *testing.T) {
	context := newTree(t)
	for i := range maxListed {
		context.write(fmt.Sprintf("many/%d/%d", i%7, i), "")
	}
	before := context.read()
	context.write("requirements.txt", "django==5\n")
	context.write("tours/migrations/0002_price.py", "")
	now := context.read()
	if now.Files != nil {
		t.Fatalf("%d files are listed", len(now.Files))
	}
	if got, want := words(now, before), "dependencies changed, 1 new migration (tours/0002_price)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What an earlier release did not record is said to be unknown, and a whole
// context that became one is compared.
func TestUnknownSource(t *testing.T) {
	context := newTree(t)
	if got := words(context.read(), Source{Hash: "old"}); got != "source changed; what changed in it is not known yet" {
		t.Errorf("%q", got)
	}
}

func TestPartsOfFiles(t *testing.T) {
	for file, want := range map[string]Part{
		"tours/views.py": PartCode, "public/index.php": PartCode, "templates/static/a.html": PartCode, "Makefile": PartCode,
		"requirements.txt": PartDependencies, "requirements/prod.txt": PartDependencies, "front/package-lock.json": PartDependencies,
		"go.sum": PartDependencies, "Gemfile.lock": PartDependencies, "notes.txt": PartCode,
		"static/app.css": PartStatic, "tours/static/tours/app.js": PartStatic, "public/logo.SVG": PartStatic, "app/assets/fonts/a.woff2": PartStatic,
		"src/app.js": PartCode, "Dockerfile": PartDocker, "docker/api.Dockerfile": PartDocker, ".dockerignore": PartDocker,
		"tours/migrations/0003_x.py": PartMigrations, "tours/migrations/__init__.py": PartCode, "tests/migrations/test_a.py": PartCode,
	} {
		if got := partOf(file); got != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
}

func TestNamesOfMigrations(t *testing.T) {
	got := map[string]string{}
	want := map[string]string{
		"tours/migrations/0003_x.py":                    "tours/0003_x",
		"src/tours/migrations/0003_x.py":                "tours/0003_x",
		"alembic/versions/ab12_x.py":                    "ab12_x",
		"migrations/versions/ab12_x.py":                 "ab12_x",
		"migrations/env.py":                             "",
		"db/migrate/20240101_create.rb":                 "20240101_create",
		"database/migrations/2024_01_01_create.php":     "2024_01_01_create",
		"prisma/migrations/20240101_init/migration.sql": "20240101_init",
		"db/migrations/0001_init.up.sql":                "0001_init",
		"db/migrations/0001_init.down.sql":              "0001_init",
		"migrations/20240101_create.ts":                 "20240101_create",
		"tours/models.py":                               "",
	}
	for file := range want {
		got[file] = migrationName(file)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Containers of one service that run different sources count together.
func TestDifferencesOfSeveralContainers(t *testing.T) {
	context := newTree(t)
	first := context.read()
	context.write("requirements.txt", "2")
	second := context.read()
	context.write("static/app.css", "2")
	now := context.read()
	p := &project.Project{Services: []project.Service{{Name: "api", Build: true, Replicas: 2}}}
	changes := Detect(p, map[string]Wanted{"api": {Image: "api", ImageID: "id", Source: &now}}, map[string][]Running{"api": {
		{Name: "api-1", Image: "api", ImageID: "id", Source: &first, Up: true}, {Name: "api-2", Image: "api", ImageID: "id", Source: &second, Up: true}}})
	want := SourceChange{Known: true, Dependencies: true, Static: true}
	if diff := cmp.Diff(want, changes[0].Source); diff != "" || changes[0].Source.StaticOnly() {
		t.Error(diff)
	}
}
