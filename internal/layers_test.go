// Package internal_test keeps the layers of the program apart.
package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "gapless/"

// mayImport lists, for each package of ours, those of ours that it may
// import. A package that is not in the table fails the test: whoever adds one
// decides here where it stands.
//
// cmd -> cli -> adapters -> update -> change -> project; adapters do not know
// each other, and the edge knows nothing but what it says to its clients.
var mayImport = map[string][]string{
	"cmd/gapless":      {"internal/cli"},
	"cmd/gapless-edge": {"internal/edge"},
	"internal/cli": {"internal/backup", "internal/backup/archive", "internal/engine", "internal/edgectl", "internal/front", "internal/health", "internal/journal", "internal/migrate", "internal/migrate/ddl", "internal/notify", "internal/source", "internal/statics", "internal/ui",
		"internal/update", "internal/change", "internal/project", "internal/edge/wire"},

	"internal/backup":  {"internal/backup/archive", "internal/update", "internal/change", "internal/project"},
	"internal/edgectl": {"internal/edge/wire", "internal/update", "internal/change", "internal/project"},
	"internal/engine":  {"internal/update", "internal/change", "internal/project"},
	"internal/front":   {"internal/update", "internal/change", "internal/project"},
	"internal/health":  {"internal/update", "internal/change", "internal/project"},
	"internal/journal": {"internal/update", "internal/change", "internal/project"},
	"internal/migrate": {"internal/migrate/ddl", "internal/update", "internal/change", "internal/project"},
	"internal/notify":  {"internal/project"},
	"internal/source":  {"internal/update", "internal/change", "internal/project"},
	"internal/statics": {},
	"internal/ui":      {"internal/update", "internal/change", "internal/project", "internal/migrate", "internal/migrate/ddl"},

	// Archives are made and read in helpers, which know nothing but a directory.
	"internal/backup/archive": {},

	// Rules about SQL stand below everything: they know nothing but a text.
	"internal/migrate/ddl": {},

	"internal/update":  {"internal/change", "internal/project"},
	"internal/change":  {"internal/project"},
	"internal/project": {},

	"internal/project/schemagen": {"internal/project"},

	"internal/edge":       {"internal/edge/wire", "internal/edge/http1"},
	"internal/edge/wire":  {},
	"internal/edge/http1": {},
}

// pureForbids is what a package that only decides must not import itself.
var pureForbids = []string{"net/http", "os", "os/exec", "os/signal", "syscall", "log", "log/slog", "golang.org/x/sys/", "golang.org/x/term",
	"github.com/spf13/", "github.com/docker/", "github.com/moby/", "github.com/containerd/"}

// forbidden are imports that a package must not have. A name that ends in a
// slash stands for everything below it.
var forbidden = map[string][]string{
	"internal/update":      pureForbids,
	"internal/migrate/ddl": pureForbids,
	"internal/change":      {"net/http", "os/exec", "os/signal", "syscall", "github.com/spf13/", "github.com/docker/"},
}

// engineOnly are modules that talk to Docker. Only internal/engine imports
// them. The types of compose-go and the matcher of .dockerignore do not talk.
var engineOnly = []string{"github.com/docker/", "github.com/moby/", "github.com/containerd/"}

var harmless = []string{"github.com/moby/patternmatcher", "github.com/moby/patternmatcher/"}

// edgeLinks is everything outside of the standard library that may be linked
// into the data plane.
var edgeLinks = []string{module, "golang.org/x/sys/"}

// linksTesting are packages of the Compose SDK that import testing for
// helpers of their own; nothing else may bring it in.
var linksTesting = []string{"github.com/docker/compose/v5/pkg/utils", "github.com/docker/compose/v5/pkg/watch"}

type listedPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func (p listedPackage) ours() (name string, ours bool) {
	return strings.CutPrefix(p.ImportPath, module)
}

// watchSources opens every directory that go list looks at. A result of this
// test that is in the cache is then used only while no file has changed.
func watchSources(t *testing.T) {
	t.Helper()
	for _, root := range []string{"../cmd", "../internal"} {
		if err := filepath.WalkDir(root, func(string, fs.DirEntry, error) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.ReadFile("../go.mod"); err != nil {
		t.Fatal(err)
	}
}

// listed asks the go command for packages and everything that they link.
func listed(t *testing.T, patterns ...string) map[string]listedPackage {
	t.Helper()
	watchSources(t)
	command := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Standard,Imports"}, patterns...)...)
	command.Dir = ".."
	out, err := command.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list: %s", failed.Stderr)
		}
		t.Fatal(err)
	}
	packages := map[string]listedPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var one listedPackage
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[one.ImportPath] = one
	}
}

// matches tells whether an import path is, or is below, one of the names.
func matches(path string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return path == name || strings.HasSuffix(name, "/") && strings.HasPrefix(path, name)
	})
}

func isTesting(path string) bool { return path == "testing" || strings.HasPrefix(path, "testing/") }

func TestLayers(t *testing.T) {
	for _, p := range listed(t, "./cmd/...", "./internal/...") {
		name, ours := p.ours()
		if !ours || name == "internal" { // the package of this test
			continue
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s is not in the table of layers", name)
			continue
		}
		for _, imported := range p.Imports {
			checkImport(t, name, imported, allowed)
		}
	}
}

func checkImport(t *testing.T, name, imported string, allowed []string) {
	t.Helper()
	if own, ours := strings.CutPrefix(imported, module); ours {
		if !slices.Contains(allowed, own) {
			t.Errorf("%s imports %s, which is not below it", name, own)
		}
		return
	}
	if matches(imported, forbidden[name]) {
		t.Errorf("%s imports %s: it must not act on the world", name, imported)
	}
	if name != "internal/engine" && matches(imported, engineOnly) && !matches(imported, harmless) {
		t.Errorf("%s imports %s: only internal/engine talks to Docker", name, imported)
	}
	if isTesting(imported) {
		t.Errorf("%s imports %s outside of a test", name, imported)
	}
}

// TestBinariesLink looks at everything that ends up in the two programs.
func TestBinariesLink(t *testing.T) {
	for _, program := range []string{"cmd/gapless", "cmd/gapless-edge"} {
		packages := listed(t, "./"+program)
		for path, p := range packages {
			if !p.Standard && !matches(path, linksTesting) && slices.ContainsFunc(p.Imports, isTesting) {
				t.Errorf("%s links testing, through %s", program, path)
			}
			if program == "cmd/gapless-edge" && !p.Standard && !matches(path, edgeLinks) {
				t.Errorf("%s links %s: the data plane stays small", program, path)
			}
		}
		if len(packages) < 20 {
			t.Errorf("%s: only %d packages were listed", program, len(packages))
		}
	}
}
