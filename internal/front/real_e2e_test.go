//go:build e2e

package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gapless/internal/update"
)

// realNginx is nginx as a process of this host, in the place of a container.
type realNginx struct {
	t         *testing.T
	directory string
	address   string
	master    *exec.Cmd
	log       string
}

// config is nginx's; its arguments are where it is, what it includes, and its
// address.
const config = `daemon off; worker_processes 2; pid %[1]s/pid; error_log %[1]s/log notice;
events { worker_connections 512; }
http {
	access_log off; %[2]s
	server { listen %[3]s; location / { proxy_pass http://api; } }
}
`

func startNginx(t *testing.T) *realNginx {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &realNginx{t: t, directory: t.TempDir(), address: listener.Addr().String()}
	listener.Close()
	n.log = filepath.Join(n.directory, "log")
	if err := os.Chmod(filepath.Dir(n.directory), 0o755); err != nil { // for workers of another user
		t.Fatal(err)
	}
	n.configure("upstreams")
	return n
}

// configure writes the configuration, which includes a directory.
func (n *realNginx) configure(included string) {
	n.t.Helper()
	text := fmt.Sprintf(config, n.directory, "include "+filepath.Join(n.directory, included)+"/*.conf;", n.address)
	if err := os.WriteFile(n.file(), []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

func (n *realNginx) file() string { return filepath.Join(n.directory, "nginx.conf") }

func (n *realNginx) start() {
	n.t.Helper()
	n.master = exec.Command("nginx", "-c", n.file())
	if err := n.master.Start(); err != nil {
		n.t.Fatal("scripts/tools.sh e2e installs nginx: ", err)
	}
	n.t.Cleanup(func() {
		_ = n.master.Process.Signal(syscall.SIGTERM)
		_ = n.master.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("tcp", n.address)
		if err == nil {
			connection.Close()
			return
		}
		if time.Now().After(end) {
			n.t.Fatal("nginx does not listen: ", err)
		}
	}
}

func (n *realNginx) Exec(ctx context.Context, name string, argv []string, timeout time.Duration) (int, string, error) {
	return n.Printed(ctx, name, argv, timeout)
}

func (n *realNginx) Printed(ctx context.Context, _ string, argv []string, timeout time.Duration) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, "", err
	}
	return command.ProcessState.ExitCode(), string(output), nil
}

// Processes lists the master and its children.
func (n *realNginx) Processes(context.Context, string) ([]update.Process, error) {
	var found []update.Process
	directories, err := filepath.Glob("/proc/[0-9]*")
	for _, directory := range directories {
		stat, statErr := os.ReadFile(directory + "/stat")
		title, titleErr := os.ReadFile(directory + "/cmdline")
		_, rest, whole := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if statErr != nil || titleErr != nil || !whole || len(fields) < 20 {
			continue
		}
		p := update.Process{Title: strings.TrimSpace(strings.ReplaceAll(string(title), "\x00", " "))}
		p.PID, _ = strconv.Atoi(filepath.Base(directory))
		p.Parent, _ = strconv.Atoi(fields[1])
		p.Started, _ = strconv.ParseUint(fields[19], 10, 64)
		switch n.master.Process.Pid {
		case p.PID:
			found = append([]update.Process{p}, found...)
		case p.Parent:
			found = append(found, p)
		}
	}
	return found, err
}

func (n *realNginx) Logs(context.Context, string, int) ([]string, error) {
	text, err := os.ReadFile(n.log)
	return strings.Split(string(text), "\n"), err
}

func (n *realNginx) router() *Router {
	directory := filepath.Join(n.directory, "upstreams")
	return NewRouter(n, Place{Directory: directory, Inside: directory, ByAddress: true,
		Fronts: func(context.Context) ([]Instance, error) {
			if n.master == nil {
				return nil, nil
			}
			return []Instance{{"nginx", []string{"nginx", "-c", n.file()}}}, nil
		},
		Runs: func(context.Context, string) bool { return true }})
}

// backend answers with its name; the path /slow takes until it is let go.
func backend(t *testing.T, name string) (address string, letGo func()) {
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-held
		}
		fmt.Fprint(w, name)
	}))
	letGo = sync.OnceFunc(func() { close(held) })
	t.Cleanup(server.Close)
	t.Cleanup(letGo)
	return server.Listener.Addr().String(), letGo
}

func to(name, address string) []update.RouteChange {
	return []update.RouteChange{{Service: "api", Route: &update.RouteState{Port: 8000},
		Targets: []update.RouteTarget{{TargetRef: update.TargetRef{Container: name, Generation: "1", Weight: 1}, Address: address}}}}
}

// ask sends one request on a connection of its own.
func (n *realNginx) ask(path string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	response, err := client.Get("http://" + n.address + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", response.StatusCode)
	}
	return string(text), err
}

// TestRealNginxSwitches moves the requests to and fro under load: once a switch
// has returned, the other container gets all that is new, nothing fails, and
// what is in hand keeps the old one.
func TestRealNginxSwitches(t *testing.T) {
	n := startNginx(t)
	router := n.router()
	old, finish := backend(t, "old")
	fresh, _ := backend(t, "fresh")
	if err := router.Routes(t.Context(), to("old", old)); err != nil {
		t.Fatal(err)
	}
	n.start()
	var asked, failed atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked.Add(1)
				if _, err := n.ask("/"); err != nil {
					failed.Add(1)
					t.Error(err)
				}
			}
		})
	}
	slow := make(chan string, 1)
	go func() { text, _ := n.ask("/slow"); slow <- text }()
	for end := time.Now().Add(10 * time.Second); asked.Load() < 50 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if err := router.Routes(t.Context(), to("fresh", fresh)); err != nil {
		t.Fatal(err)
	}
	if text, err := n.ask("/"); text != "fresh" || err != nil {
		t.Errorf("after the switch %q answers, %v", text, err)
	}
	if left, err := router.InFlight(t.Context(), "old"); left == 0 || err != nil {
		t.Errorf("%d in flight while a request is, %v", left, err)
	}
	finish()
	if text := <-slow; text != "old" {
		t.Errorf("the request in hand got %q", text)
	}
	if left := idle(t, router, "old"); left != 0 {
		t.Errorf("%d in flight after the last answer", left)
	}
	for i := range 10 {
		target := [][]update.RouteChange{to("old", old), to("fresh", fresh)}[i%2]
		if err := router.Routes(t.Context(), target); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	load.Wait()
	t.Logf("%d requests, %d failed, 11 switches", asked.Load(), failed.Load())
}

// switchAndDie does what a switch does before it waits for anything.
func (n *realNginx) switchAndDie(name, address string) {
	n.t.Helper()
	r := n.router()
	was, _, err := r.files.read()
	wanted := map[string]string{"api": upstreamOf(to(name, address)[0]).text(true, func(string) bool { return true })}
	if err = errors.Join(err, r.files.replace(was, wanted), r.nginx.run(n.t.Context(), "nginx", []string{"nginx", "-c", n.file()}, "-s", "reload")); err != nil {
		n.t.Fatal(err)
	}
}

// TestRealNginxTakenBack: a switch is cut off while nginx reloads and taken back by
// somebody who knows nothing of it. Once he says that nobody passes requests on to
// the other container any more, it can stop.
func TestRealNginxTakenBack(t *testing.T) {
	n := startNginx(t)
	old, _ := backend(t, "old")
	if err := n.router().Routes(t.Context(), to("old", old)); err != nil {
		t.Fatal(err)
	}
	n.start()
	stop := make(chan struct{})
	var load sync.WaitGroup
	var asked, failed atomic.Int64
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked.Add(1)
				if _, err := n.ask("/"); err != nil {
					failed.Add(1)
					t.Error(time.Now().Format("05.000"), err)
				}
			}
		})
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	const times = 15
	for range times {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(30 * time.Millisecond)
			fmt.Fprint(w, "fresh")
		}))
		n.switchAndDie("fresh", server.Listener.Addr().String())
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		heir := n.router()
		if err := heir.Routes(t.Context(), to("old", old)); err != nil {
			t.Fatal(err)
		}
		idle(t, heir, "fresh")
		server.CloseClientConnections()
		server.Close()
	}
	close(stop)
	load.Wait()
	t.Logf("seed %d: %d requests, %d failed, %d switches taken back", seed, asked.Load(), failed.Load(), times)
}

// idle waits until nobody may pass a request on to a container.
func idle(t *testing.T, router *Router, name string) (left int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		if left, err = router.InFlight(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
	}
	return left
}

// TestRealNginxRefuses: what nginx does not take, or does not read, is put back,
// with its words, and it goes on as before.
func TestRealNginxRefuses(t *testing.T) {
	n := startNginx(t)
	router := n.router()
	router.nginx.live = 3 * time.Second // nothing tells a reload that failed from one that takes long
	old, _ := backend(t, "old")
	fresh, _ := backend(t, "fresh")
	if err := router.Routes(t.Context(), to("old", old)); err != nil {
		t.Fatal(err)
	}
	n.start()
	text, err := os.ReadFile(n.file())
	if err != nil {
		t.Fatal(err)
	}
	stays := func(when string) {
		t.Helper()
		if text, err := n.ask("/"); text != "old" || err != nil {
			t.Errorf("%s: %q answers, %v", when, text, err)
		}
		if file, _ := os.ReadFile(filepath.Join(n.directory, "upstreams/api.conf")); !strings.Contains(string(file), old) {
			t.Errorf("%s: the file is not the one of before:\n%s", when, file)
		}
	}
	if err := os.WriteFile(n.file(), []byte(strings.Replace(string(text), "proxy_pass", "prox_pass", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	var failed *update.GateError
	if err := router.Routes(t.Context(), to("fresh", fresh)); !errors.As(err, &failed) || !strings.Contains(strings.Join(failed.Logs, "\n"), `unknown directive "prox_pass"`) {
		t.Errorf("%v", err)
	}
	stays("a broken file")

	if err := os.WriteFile(n.file(), []byte(strings.Replace(string(text), "include", "upstream api { server "+old+"; } #", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	var unread *IncludeError
	if err := router.Routes(t.Context(), to("fresh", fresh)); !errors.As(err, &unread) {
		t.Errorf("%v", err)
	}
	stays("no include")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := os.WriteFile(n.file(), []byte(strings.Replace(string(text), "listen ", "listen "+taken.Addr().String()+"; listen ", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := router.Routes(t.Context(), to("fresh", fresh)); !errors.As(err, &failed) || !strings.Contains(strings.Join(failed.Logs, "\n"), "Address already in use") {
		t.Errorf("%v", err)
	}
	stays("a port that is taken")
}
