//go:build e2e

package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"gapless/internal/update"
)

// world is one compose project on the real engine.
type world struct {
	t         *testing.T
	name      string
	directory string
	engine    *Engine
}

// buildApp builds the test program once and returns its path.
var buildApp = sync.OnceValues(func() (string, error) { return buildProgram("./testdata/app") })

// buildProgram builds a program for an image that has nothing else, and returns
// its path.
func buildProgram(source string) (string, error) {
	directory, err := os.MkdirTemp("", "engt")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", directory, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return filepath.Join(directory, filepath.Base(source)), nil
}

// newWorld writes the compose file into a directory with a Dockerfile and the
// test program. Everything goes away with the test.
func newWorld(t *testing.T, composeFile string) *world {
	t.Helper()
	binary, err := buildApp()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Connect(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, directory: t.TempDir(), engine: e}
	w.name = strings.ToLower("engt" + strings.Map(func(r rune) rune {
		if r == '/' || r == '_' {
			return -1
		}
		return r
	}, t.Name()))
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	w.write("app", string(content))
	if err := os.Chmod(filepath.Join(w.directory, "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.write("Dockerfile", "FROM scratch\nARG VERSION=1\nENV VERSION=$VERSION\nCOPY app /app\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n")
	w.write("compose.yaml", composeFile)
	t.Cleanup(func() {
		for _, c := range strings.Fields(w.docker("ps", "-aq", "--filter", "name=^/"+w.name)) {
			w.docker("rm", "-fv", c)
		}
		// Docker 20.10 sometimes counts an endpoint of a network for ever.
		if output, err := w.tryCompose("down", "--volumes", "--timeout", "0", "--remove-orphans"); err != nil {
			t.Logf("docker compose down: %v\n%s", err, output)
		}
		for _, image := range strings.Fields(w.docker("images", "-q", w.name+"*")) {
			w.docker("rmi", "-f", image)
		}
		e.Close()
	})
	return w
}

func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.directory, name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// composeConfig is the directory whose cli-plugins have docker compose.
func composeConfig(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("../../scripts/tools.sh"); err == nil {
		output, err := exec.Command("../../scripts/tools.sh").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(output))
	}
	cache, _ := os.UserCacheDir()
	found, _ := filepath.Glob(filepath.Join(cache, "gapless", "compose-v5*", "cli-plugins", "docker-compose"))
	if len(found) == 0 {
		t.Fatal("docker compose is not there: scripts/tools.sh builds it")
	}
	return filepath.Dir(filepath.Dir(found[0]))
}

// compose runs the real docker compose in the project.
func (w *world) compose(arguments ...string) string {
	w.t.Helper()
	output, err := w.tryCompose(arguments...)
	if err != nil {
		w.t.Fatalf("docker compose %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return output
}

func (w *world) tryCompose(arguments ...string) (string, error) {
	w.t.Helper()
	command := exec.Command("docker", append([]string{"compose", "--progress", "plain"}, arguments...)...)
	command.Dir = w.directory
	command.Env = append(os.Environ(), "DOCKER_CONFIG="+composeConfig(w.t), "DOCKER_BUILDKIT=0", "COMPOSE_PROJECT_NAME="+w.name)
	output, err := command.CombinedOutput()
	return string(output), err
}

func (w *world) docker(arguments ...string) string {
	w.t.Helper()
	output, err := exec.Command("docker", arguments...).CombinedOutput()
	if err != nil {
		w.t.Logf("docker %s: %v: %s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// load reads the compose file as docker compose does.
func (w *world) load() *types.Project {
	w.t.Helper()
	return w.loadIn(w.t.Context())
}

func (w *world) loadIn(ctx context.Context) *types.Project {
	options, err := cli.NewProjectOptions(nil,
		cli.WithWorkingDirectory(w.directory), cli.WithOsEnv, cli.WithDotEnv,
		cli.WithDefaultConfigPath, cli.WithoutEnvironmentResolution, cli.WithName(w.name))
	if err != nil {
		w.t.Fatal(err)
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	project, err = project.WithServicesEnvironmentResolved(true)
	if err != nil {
		w.t.Fatal(err)
	}
	return project
}

func (w *world) bench() *Workbench { return ForProject(w.engine, w.load()) }

// containers lists the containers of the project with their IDs.
func (w *world) containers() map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(w.docker("ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}}", "--filter", "label="+labelProject+"="+w.name)) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		found[name] = id
	}
	return found
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func (w *world) spec(service string, number int) update.CreateSpec {
	return update.CreateSpec{
		Service: service, Number: number, Run: "run1", Release: 7,
		Name: fmt.Sprintf("%s-%s-%d", w.name, service, number),
	}
}

var background = context.Background()
