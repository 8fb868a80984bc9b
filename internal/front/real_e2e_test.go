//go:build e2e

package front

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// load lets four clients ask until it is stopped, which tells how many requests
// failed; each of them fails the test.
func (n *realNginx) load() (asked *atomic.Int64, stop func() (failed int64)) {
	asked = &atomic.Int64{}
	var failed atomic.Int64
	ended := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				asked.Add(1)
				if _, err := n.ask("/"); err != nil {
					failed.Add(1)
					n.t.Error(time.Now().Format("05.000"), err)
				}
			}
		})
	}
	stop = sync.OnceValue(func() int64 {
		close(ended)
		clients.Wait()
		return failed.Load()
	})
	n.t.Cleanup(func() { stop() })
	return asked, stop
}
