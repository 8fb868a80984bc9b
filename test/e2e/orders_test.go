//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gapless/internal/edgectl"
	"gapless/test/load"
)

// edit writes a copy of a compose file of the example with texts replaced,
// and makes the deployment use it.
func (s *shop) edit(file string, replacements ...string) {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "examples/shop", file))
	if err != nil {
		s.t.Fatal(err)
	}
	text := patient(string(content))
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			s.t.Fatalf("%s has no %q", file, replacements[i])
		}
		text = strings.Replace(text, replacements[i], replacements[i+1], 1)
	}
	s.file = filepath.Join(s.t.TempDir(), "compose.yaml")
	if err := os.WriteFile(s.file, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// patient makes the example wait for longer where a machine that has much else to do
// may be slow. The tests that are about these limits set them.
func patient(text string) string {
	return strings.Replace(text, "\nx-gapless:\n", "\nx-gapless:\n"+
		`  gate: {deadline: "${GATE_DEADLINE:-5m}"}`+"\n"+`  hold: {limit: "${HOLD_LIMIT:-3m}"}`+"\n", 1)
}

// impatient is for updates that are given up only at a deadline.
const impatient = "GATE_DEADLINE=30s"

const apiHead = "  api:\n    <<: *app\n"

// receipt is what the tests read of the summary of an update.
type receipt struct {
	Result        string  `json:"result"`
	Requests      *int64  `json:"requests"`
	Failed        *int64  `json:"failed"`
	Held          *int64  `json:"held"`
	Paged         *int64  `json:"paged"`
	PagedMillis   float64 `json:"paged_ms"`
	GapMillis     float64 `json:"gap_ms"`
	ProbeFailures int64   `json:"probe_failures"`
}

// measured runs an update and returns its receipt.
func (s *shop) measured(version string, wantCode int) receipt {
	s.t.Helper()
	s.env = append(s.env, "GAPLESS_PROGRESS=json")
	r := s.update(version, wantCode)
	s.env = s.env[:len(s.env)-1]
	for _, line := range strings.Split(r.output, "\n") {
		var found struct {
			Type string `json:"type"`
			receipt
		}
		if json.Unmarshal([]byte(line), &found) == nil && found.Type == "summary" {
			return found.receipt
		}
	}
	s.t.Fatalf("no summary in the output:\n%s", r.output)
	return receipt{}
}

// begin starts an update and returns when its output has the text.
func (s *shop) begin(version, text string) (*exec.Cmd, *spoken) {
	s.t.Helper()
	command := s.command(version, "update", "--yes")
	said := &spoken{}
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(said.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			_ = command.Process.Kill()
			_ = command.Wait()
			s.t.Fatalf("the output never said %q:\n%s", text, said)
		}
	}
	return command, said
}

// spoken is the output of a program that still runs.
type spoken struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *spoken) Write(text []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(text)
}

func (s *spoken) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// TestContainerName replaces a service that can exist only once: the requests
// wait meanwhile, and the real docker compose finds nothing to do afterwards.
func TestContainerName(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	s.edit("compose.yaml", apiHead, apiHead+"    container_name: "+s.project+"-only\n")
	s.update("v1", 0)
	traffic := s.traffic(slowly)
	got := s.measured("v2", 0)
	s.clean(traffic.Stop())
	if got.Held == nil || *got.Held == 0 {
		t.Errorf("no request was held: %+v", got)
	}
	s.expect("v2")
	before := s.ids()
	s.compose("v2", "up", "--detach")
	if after := s.ids(); after != before {
		t.Errorf("docker compose up recreated containers:\n%s\n%s", before, after)
	}
}

// TestReplicas replaces three copies in batches of two.
func TestReplicas(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	s.edit("compose.yaml", "deploy: {resources:", "deploy: {replicas: 3, update_config: {parallelism: 2}, resources:")
	s.update("v1", 0)
	traffic := s.traffic(nil)
	s.update("v2", 0)
	s.clean(traffic.Stop())
	if got := s.versions()["api"]; !slices.Equal(got, []string{"v2", "v2", "v2"}) {
		t.Errorf("api runs %v, want three of v2", got)
	}
	s.compose("v2", "up", "--detach")
	if got := s.containers(); len(got) != 7 {
		t.Errorf("containers: %v", got)
	}
}

// TestHostPort says the gap of a fixed host port beforehand and measures it;
// init removes its cause, and from then on there is none.
func TestHostPort(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	build(t, "slow", "slow-boot=6s") // much longer than both ways of measuring may differ on a busy machine
	s.edit("compose.hostport.yaml", "name: shop-hostport\n", "")
	s.update("v1", 0)
	if plan := s.run("slow", "plan"); plan.code != 0 || !strings.Contains(plan.output, "down for") {
		t.Errorf("the plan does not say the gap (exit code %d):\n%s", plan.code, plan.output)
	}
	traffic := s.traffic(nil)
	got := s.measured("slow", 0)
	s.mustAsk(visitor, "/", "*/*", http.StatusOK)
	time.Sleep(time.Second) // the end of the outage is the next request after it
	report := traffic.Stop()
	if report.Failed == 0 || got.GapMillis <= 0 {
		t.Fatalf("a gap was expected: %d failed, receipt %+v", report.Failed, got)
	}
	if ratio := got.GapMillis / report.LongestOutageMS; ratio < 0.5 || ratio > 1.5 {
		t.Errorf("the receipt says %.0f ms, the clients saw %.0f ms", got.GapMillis, report.LongestOutageMS)
	}
	t.Logf("gap: receipt %.0f ms, clients %.0f ms", got.GapMillis, report.LongestOutageMS)

	if r := s.run("slow", "init", "--yes"); r.code != 0 {
		t.Fatalf("init: exit code %d\n%s", r.code, r.output)
	}
	if plan := s.run("slow", "plan"); plan.code != 0 || !strings.Contains(plan.output, "moves behind the edge once") {
		t.Errorf("the plan does not say the move (exit code %d):\n%s", plan.code, plan.output)
	}
	traffic = s.traffic(nil)
	began := time.Now()
	s.update("v1", 0)
	moved := time.Since(began)
	s.mustAsk(visitor, "/", "*/*", http.StatusOK)
	report = traffic.Stop()
	t.Logf("move behind the edge: %d failed, longest outage %.0f ms", report.Failed, report.LongestOutageMS)
	if report.LongestOutageMS > float64(moved.Milliseconds()) {
		t.Errorf("the outage took %.0f ms, longer than the move, which took %s", report.LongestOutageMS, moved)
	}
	traffic = s.traffic(nil)
	s.update("v2", 0)
	s.clean(traffic.Stop())
	s.expect("v2")
}

// TestAdoption takes over what docker compose made, and can go back to it.
func TestAdoption(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	s.compose("v1", "up", "--detach")
	s.update("v2", 0)
	s.expect("v2")
	if r := s.run("v2", "show", "1"); r.code != 0 || !strings.Contains(r.output, "adopted") {
		t.Errorf("release 1 is not recorded as adopted (exit code %d):\n%s", r.code, r.output)
	}
	traffic := s.traffic(nil)
	r := s.run("v2", "rollback", "--yes", "1")
	s.clean(traffic.Stop())
	if r.code != 0 {
		t.Fatalf("rollback: exit code %d\n%s", r.code, r.output)
	}
	s.expect("v1")
}

// TestAdoptionWithoutAChange records what runs although nothing has to change,
// so that the next update can say what did, and touches no container.
func TestAdoptionWithoutAChange(t *testing.T) {
	s := newShop(t)
	s.edit("compose.hostport.yaml", "command: [worker]", "command: [worker]\n    environment: {LEVEL: \"${LEVEL:-low}\"}")
	s.compose("v1", "up", "--detach")
	before := strings.Join(s.containers(), "\n")
	r := s.update("v1", 0)
	if !strings.Contains(r.output, "recorded as release 1; nothing was touched") {
		t.Errorf("output:\n%s", r.output)
	}
	if after := strings.Join(s.containers(), "\n"); after != before {
		t.Errorf("containers changed:\n%s\n%s", before, after)
	}
	if r := s.run("v1", "show", "1"); r.code != 0 || !strings.Contains(r.output, "adopted") {
		t.Errorf("release 1 is not recorded as adopted (exit code %d):\n%s", r.code, r.output)
	}
	if r := s.update("v1", 0); strings.Contains(r.output, "recorded as") {
		t.Errorf("recorded twice:\n%s", r.output)
	}
	s.env = append(s.env, "LEVEL=high")
	if r := s.run("v1", "plan"); !strings.Contains(r.output, "worker: configuration changed (environment LEVEL)") {
		t.Errorf("the plan does not say what changed:\n%s", r.output)
	}
}

// TestBuild builds what changed and only that; the name of an image that was
// taken back belongs to the old one again.
func TestBuild(t *testing.T) {
	s := newShop(t)
	image := imageName + "/" + s.project
	s.edit("compose.yaml", apiHead, apiHead+"    image: "+image+"\n    build: {context: api}\n")
	source := filepath.Join(filepath.Dir(s.file), "api")
	s.env = []string{"DOCKER_BUILDKIT=0"}
	writeContext(t, source, "one", "")
	s.update("v1", 0)
	traffic := s.traffic(nil)
	writeContext(t, source, "two", "")
	s.update("v1", 0)
	good := imageID(t, image)
	if r := s.update("v1", 0); !strings.Contains(r.output, "nothing to do") {
		t.Errorf("unchanged source is not left alone:\n%s", r.output)
	}
	writeFile(t, filepath.Join(source, "static", "app.css"), "a {}")
	if r := s.run("v1", "plan"); !strings.Contains(r.output, "static files only (static/app.css)") {
		t.Errorf("the plan does not say what changed:\n%s", r.output)
	}
	writeContext(t, source, "three", "never-healthy")
	s.env = append(s.env, impatient)
	s.update("v1", 10)
	report := traffic.Stop()
	s.clean(report)
	if served := report.Served(); served != "two" {
		t.Errorf("%q serves, want two", served)
	}
	if now := imageID(t, image); now != good {
		t.Errorf("the name points to %s, want %s", now, good)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeContext writes what an image of the example is built from.
func writeContext(t *testing.T, directory, version, fault string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(directory, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs(filepath.Join(directory, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("go", "build", "-trimpath", "-ldflags",
		"-s -w -X main.version="+version+" -X main.bakedFault="+fault, "-o", program, "./app")
	command.Dir = filepath.Join(root, "examples/shop")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOTOOLCHAIN=local")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	dockerfile, err := os.ReadFile(filepath.Join(root, "examples/shop/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, "Dockerfile"), dockerfile, 0o644); err != nil {
		t.Fatal(err)
	}
}

func imageID(t *testing.T, reference string) string {
	t.Helper()
	output, err := exec.Command("docker", "image", "inspect", "--format", "{{.Id}}", reference).Output()
	if err != nil {
		t.Fatalf("image %s: %v", reference, err)
	}
	return strings.TrimSpace(string(output))
}

// TestSecondServiceBroken takes both web services back when the second one
// does not become healthy.
func TestSecondServiceBroken(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	s.edit("compose.yaml", "  worker:\n", `  backoffice:
    <<: *app
    command: [api]
    environment: {SHOP_FAULT: "${BACKOFFICE_FAULT:-}"}
    healthcheck: *healthcheck
    depends_on:
      api: {condition: service_healthy}
    x-gapless:
      role: web
      route: {port: 8000, path: /backoffice, health: /health}

  worker:
`)
	s.update("v1", 0)
	traffic := s.traffic(nil)
	s.env = []string{"BACKOFFICE_FAULT=never-healthy", impatient}
	s.update("v2", 10)
	s.env = nil
	report := traffic.Stop()
	s.clean(report)
	for service, got := range s.versions() {
		if !slices.Equal(got, []string{"v1"}) {
			t.Errorf("%s runs %v, want one of v1", service, got)
		}
	}
	if !slices.ContainsFunc(report.Versions, func(v load.VersionSpan) bool { return v.Version == "v2" }) {
		t.Error("the first service never got to v2: nothing was taken back")
	}
	if all := s.containers(); len(all) != 6 {
		t.Errorf("containers left over: %v", all)
	}
}

// TestSocket stands behind an nginx that keeps the public port and is never
// touched.
func TestSocket(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(nginx); err != nil {
		t.Fatal("nginx is needed: scripts/tools.sh e2e installs it")
	}
	s := newShop(t)
	build(t, "v2", "")
	socket := filepath.Join("/run/gapless", s.project+".sock")
	s.edit("compose.yaml", `edge: {http: ":${SHOP_PORT:-8080}"}`, "edge: {socket: "+socket+"}")
	s.update("v1", 0)
	s.port = startFront(t, nginx, socket)
	traffic := s.traffic(nil)
	for _, version := range []string{"v2", "v1", "v2"} {
		s.update(version, 0)
	}
	s.clean(traffic.Stop())
	s.expect("v2")
}

// startFront runs an nginx before a socket and returns its port.
func startFront(t *testing.T, nginx, socket string) int {
	t.Helper()
	port, directory := freePort(t), t.TempDir()
	config := fmt.Sprintf(`user root;
daemon off;
worker_rlimit_nofile 20000;
pid %[1]s/pid;
error_log %[1]s/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  upstream edge { server unix:%[2]s; keepalive 16; }
  server {
    listen 127.0.0.1:%[3]d;
    location / {
      proxy_pass http://edge;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }
  }
}
`, directory, socket, port)
	file := filepath.Join(directory, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(nginx, "-p", directory, "-c", file)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	waitFor(t, func() bool {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	return port
}

// TestRestartFromOutside restarts the only container of the API with docker
// itself. Requests that only read are sent again until it answers.
func TestRestartFromOutside(t *testing.T) {
	s := newShop(t)
	s.update("v1", 0)
	s.connectsFor(patience)
	traffic := s.traffic(func(c *load.Config) {
		slowly(c)
		c.Targets = slices.DeleteFunc(load.ShopTargets(), func(target load.Target) bool { return target.Method != http.MethodGet })
	})
	if output, err := exec.Command("docker", "restart", "--time", "60", s.project+"-api-1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	waitFor(t, func() bool { return s.answers() == http.StatusOK })
	s.clean(traffic.Stop())
	s.expect("v1")
}

// connectsFor sets for how long the edge tries to connect to a container: on a busy
// machine a restart takes longer than it does by default.
func (s *shop) connectsFor(limit time.Duration) {
	s.t.Helper()
	client := edgectl.New(filepath.Join(s.state, "edge"))
	config, err := client.Get(s.t.Context(), s.project)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range config.Services {
		config.Services[i].Limits.ConnectMaxWaitMilliseconds = limit.Milliseconds()
	}
	if _, err := client.Put(s.t.Context(), config, edgectl.PutOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// answers asks the public address and returns the status, 0 for none.
func (s *shop) answers() int {
	client := &http.Client{Timeout: time.Minute}
	defer client.CloseIdleConnections()
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", s.port))
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// TestComposeInBetween has somebody run docker compose up for the API in the
// middle of an update. It ends committed or rolled back; where the foreign
// container stands in the way of the old release, that is said and the next
// update makes one version of it again.
func TestComposeInBetween(t *testing.T) {
	build(t, "v2", "")
	for moment, step := range map[string]string{"before": "stop PROJECT-scheduler-1", "gate": "start PROJECT-api-2", "drain": "switch /"} {
		t.Run(moment, func(t *testing.T) {
			s := newShop(t)
			s.env = []string{"GATE_DEADLINE=1m"} // somebody else's container may never pass
			s.update("v1", 0)
			command, said := s.begin("v2", strings.Replace(step, "PROJECT", s.project, 1)+": done")
			s.compose("v2", "up", "--detach", "--no-deps", "api")
			_ = command.Wait()
			code := command.ProcessState.ExitCode()
			t.Logf("exit code %d", code)
			want := map[int]string{0: "v2", 10: "v1", 11: "v2"}[code]
			switch {
			case want == "":
				t.Fatalf("exit code %d, want 0 (committed), 10 (rolled back) or 11 (not wholly)\n%s", code, said)
			case code == 11 && !strings.Contains(said.String(), "somebody else"):
				t.Errorf("what somebody else did is not said")
			case code == 11:
				s.update("v2", 0)
			}
			s.expect(want)
			if status := s.answers(); status != http.StatusOK {
				t.Errorf("the application answers %d", status)
			}
			if t.Failed() {
				t.Log(said)
			}
		})
	}
}

// TestInterrupt stops an update in the middle with Ctrl-C: it is undone. The new
// version never becomes healthy, so that the update cannot be over before.
func TestInterrupt(t *testing.T) {
	s := newShop(t)
	build(t, "b1", "api:never-healthy")
	s.update("v1", 0)
	traffic := s.traffic(nil)
	command, said := s.begin("b1", "start "+s.project+"-api-2: done")
	_ = command.Process.Signal(os.Interrupt)
	_ = command.Wait()
	s.clean(traffic.Stop())
	if code := command.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130\n%s", code, said)
	}
	s.expect("v1")
}

// TestHangup closes the terminal in the middle of an update: it goes on.
func TestHangup(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	s.update("v1", 0)
	traffic := s.traffic(nil)
	command, said := s.begin("v2", "start "+s.project+"-api-2: done")
	_ = command.Process.Signal(syscall.SIGHUP)
	_ = command.Wait()
	s.clean(traffic.Stop())
	if code := command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, said)
	}
	s.expect("v2")
}

// TestUntaggedImage goes back to a release whose image has lost its name,
// which makes it dangling for everybody but the pin of the release.
func TestUntaggedImage(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	tag := "gone-" + s.project
	build(t, tag, "")
	s.update(tag, 0)
	id := imageID(t, imageName+":"+tag)
	s.update("v2", 0)
	if output, err := exec.Command("docker", "rmi", imageName+":"+tag).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if kept := imageID(t, id); kept != id {
		t.Fatalf("the image is gone: %s", kept)
	}
	traffic := s.traffic(nil)
	r := s.run("v2", "rollback", "--yes")
	s.clean(traffic.Stop())
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.output)
	}
	s.expect(tag)
}
