//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gapless/test/load"
)

const root = "../.."

// gaplessPath is the program under test.
var gaplessPath string

func TestMain(m *testing.M) {
	gaplessPath = os.Getenv("GAPLESS")
	if gaplessPath == "" {
		gaplessPath, _ = filepath.Abs(filepath.Join(root, "build", "gapless"))
	}
	if _, err := os.Stat(gaplessPath); err != nil {
		fmt.Fprintln(os.Stderr, "run make test-e2e, which builds the program:", err)
		os.Exit(1)
	}
	code := m.Run()
	removeImages()
	os.Exit(code)
}

// imageName is the repository of the images; two runs on one engine take two.
var imageName = cmp.Or(os.Getenv("GAPLESS_E2E_IMAGE"), "gapless-e2e-shop")

// built are the versions whose images exist already in this run.
var (
	building sync.Mutex
	built    = map[string]bool{}
)

// build makes the image of a version, with a fault baked in if one is named.
func build(t *testing.T, version, fault string) {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	if built[version+fault] {
		return
	}
	command := exec.Command(filepath.Join(root, "examples/shop/build.sh"), version, fault)
	command.Env = append(os.Environ(), "SHOP_IMAGE="+imageName)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s %s: %v\n%s", version, fault, err, output)
	}
	built[version+fault] = true
}

// removeImages removes by name: the same content may have a name elsewhere.
func removeImages() {
	for _, pattern := range []string{imageName, imageName + "/*"} {
		output, _ := exec.Command("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", pattern).Output()
		for _, reference := range strings.Fields(string(output)) {
			_ = exec.Command("docker", "rmi", reference).Run()
		}
	}
}

// removePins lets go of the images that the releases of a project kept.
func removePins(project string) {
	output, _ := exec.Command("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "gapless-pin/"+project+"/*").Output()
	for _, reference := range strings.Fields(string(output)) {
		_ = exec.Command("docker", "rmi", reference).Run()
	}
}

// shop is one deployment of the example, with a port, a state directory and
// an edge of its own.
type shop struct {
	t       *testing.T
	project string
	port    int
	state   string
	file    string // compose file
	also    int    // containers beside those of the example
	env     []string
}

// newShop prepares a deployment; nothing runs yet. Tests that have one run side
// by side: they wait much more than they compute, and share nothing but the
// engine.
func newShop(t *testing.T) *shop {
	t.Helper()
	t.Parallel()
	s := &shop{t: t, project: fmt.Sprintf("e2e%d", time.Now().UnixNano()%1e9), port: freePort(t)}
	s.edit("compose.yaml")
	s.state = filepath.Join(t.TempDir(), "state")
	build(t, "v1", "")
	t.Cleanup(s.remove)
	return s
}

// lastPort is the port that was given out last. Those that the kernel takes for
// outgoing connections are higher.
var lastPort atomic.Int32

func init() { lastPort.Store(21_000 + int32(os.Getpid()%5_000)) }

// freePort gives each caller another port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := int(lastPort.Add(1))
		listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func (s *shop) remove() {
	s.run("v1", "edge", "stop", "--yes")
	for _, kind := range []string{"container", "volume", "network"} {
		list := []string{kind, "ls", "--quiet", "--filter", "label=com.docker.compose.project=" + s.project}
		if kind == "container" {
			list = append(list, "--all")
		}
		output, _ := exec.Command("docker", list...).Output()
		for _, id := range strings.Fields(string(output)) {
			arguments := []string{kind, "rm", id}
			if kind == "container" {
				arguments = []string{"rm", "--force", id}
			}
			_ = exec.Command("docker", arguments...).Run()
		}
	}
	removePins(s.project)
}

// result is what one command line said.
type result struct {
	code   int
	output string // both streams
}

// run calls gapless for a version of the example.
func (s *shop) run(version string, arguments ...string) result {
	s.t.Helper()
	return resultOf(s.t, s.command(version, arguments...))
}

// resultOf runs a command to its end, however that is.
func resultOf(t *testing.T, command *exec.Cmd) result {
	t.Helper()
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", command.Args, err)
	}
	return result{code: command.ProcessState.ExitCode(), output: string(output)}
}

// says fails the test unless an output has every text.
func (r result) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.output, text) {
			t.Errorf("%q is not said:\n%s", text, r.output)
		}
	}
}

func (s *shop) command(version string, arguments ...string) *exec.Cmd {
	command := exec.Command(gaplessPath, arguments...)
	command.Env = append(os.Environ(), s.environment(version)...)
	return command
}

func (s *shop) environment(version string) []string {
	return append([]string{
		"SHOP_IMAGE=" + imageName, "SHOP_TAG=" + version, "SHOP_STORE_TAG=v1", fmt.Sprintf("SHOP_PORT=%d", s.port),
		"COMPOSE_PROJECT_NAME=" + s.project, "COMPOSE_FILE=" + s.file, "GAPLESS_STATE_DIR=" + s.state, "GAPLESS_PROGRESS=plain",
	}, s.env...)
}

// update brings a version in and fails the test unless the exit code is the
// wanted one.
func (s *shop) update(version string, wantCode int) result {
	s.t.Helper()
	r := s.run(version, "update", "--yes")
	if r.code != wantCode {
		s.t.Fatalf("update to %s: exit code %d, want %d\n%s", version, r.code, wantCode, r.output)
	}
	return r
}

// bearable is the p95 in milliseconds above which a machine is too slow for the
// traffic: requests then pile up, and fail with and without an update.
const bearable = 2000

// traffic starts the load of the tests, a hundred requests a second of which one
// in five is a POST, and returns once it was answered for a while: with fewer on a
// machine that cannot answer so many.
func (s *shop) traffic(edit func(*load.Config)) *load.Run {
	s.t.Helper()
	config := load.Default(fmt.Sprintf("http://127.0.0.1:%d", s.port))
	config.Timeout, config.JournalPatience = patience, patience
	config.RatePerSecond, config.MaxOpen = 100, 1000
	if edit != nil {
		edit(&config)
	}
	return bearableTraffic(s.t, config)
}

// bearableTraffic returns when the requests of two seconds were answered, soon
// enough; if need be after others with half the rate.
func bearableTraffic(t *testing.T, config load.Config) *load.Run {
	t.Helper()
	for {
		run, err := load.Start(context.Background(), config)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return len(run.Samples()) >= 2*config.RatePerSecond })
		before := run.Snapshot()
		if before.Failed == 0 && before.P95MS <= bearable {
			return run
		}
		run.Stop()
		var text bytes.Buffer
		before.Print(&text)
		if config.RatePerSecond /= 2; config.RatePerSecond < 5 || before.Failed > 0 {
			t.Fatalf("the traffic is too much for this machine even without an update:\n%s", text.String())
		}
		t.Logf("from now on %d requests per second, because this is what this machine does without an update:\n%s", config.RatePerSecond, text.String())
	}
}

// clean fails the test unless every request was answered rightly.
func (s *shop) clean(report load.Report) {
	s.t.Helper()
	var text bytes.Buffer
	report.Print(&text)
	if !report.Clean() {
		s.t.Errorf("the clients saw failures:\n%s", text.String())
	}
	s.t.Log(text.String())
}

// containers lists the containers of the project as "name image state".
func (s *shop) containers() []string {
	s.t.Helper()
	output, err := exec.Command("docker", "ps", "--all", "--filter", "label=com.docker.compose.project="+s.project,
		"--format", "{{.Names}} {{.Image}} {{.State}}").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Fields(strings.ReplaceAll(strings.TrimSpace(string(output)), " ", "_"))
}

// versions maps each running service to the tags of its containers.
func (s *shop) versions() map[string][]string {
	s.t.Helper()
	output, err := exec.Command("docker", "ps", "--filter", "label=com.docker.compose.project="+s.project,
		"--format", `{{.Label "com.docker.compose.service"}} {{.Image}}`).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	found := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		if service, image, ok := strings.Cut(line, " "); ok {
			_, tag, _ := strings.Cut(image, ":")
			found[service] = append(found[service], tag)
		}
	}
	return found
}

// expect fails the test unless every service of the application runs exactly
// one container of the version, and nothing else is left.
func (s *shop) expect(version string) {
	s.t.Helper()
	for _, service := range []string{"api", "worker", "scheduler"} {
		if got := s.versions()[service]; len(got) != 1 || got[0] != version {
			s.t.Errorf("%s runs %v, want one of %s", service, got, version)
		}
	}
	if all := s.containers(); len(all) != 5+s.also {
		s.t.Errorf("containers left over: %s", strings.Join(all, " "))
	}
	if status := s.run(version, "lock", "status"); !strings.Contains(status.output, "free") {
		s.t.Errorf("lock: %s", status.output)
	}
}
