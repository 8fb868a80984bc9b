package edgectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gapless/internal/edge"
	"gapless/internal/edge/wire"

	"github.com/google/go-cmp/cmp"
)

func runEdge(t *testing.T, directory string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- edge.New(edge.Options{
			StateDirectory: directory, Version: "test", DrainMaxWait: time.Second,
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		}).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// lastPort is the port that freeAddress gave out last.
var lastPort atomic.Int32

// freeAddress is one that nobody listens on. It is of this process alone, and its
// port none that the kernel hands out: nobody takes it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.80.%d.%d:%d", os.Getpid()>>8&0xff, os.Getpid()&0xff, 10_000+lastPort.Add(1)%10_000)
		if socket, err := net.Listen("tcp", address); err == nil {
			socket.Close()
			return address
		}
	}
}

func TestControl(t *testing.T) {
	ctx := t.Context()
	directory := t.TempDir()
	client := New(directory)
	if _, err := client.Health(ctx); !errors.Is(err, ErrNotRunning) {
		t.Fatalf("got %v", err)
	}
	runEdge(t, directory)
	if health, err := client.awaitHealth(ctx); err != nil || health.Version != "test" || health.WireVersion != wire.Version {
		t.Fatalf("health %+v, %v", health, err)
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok "+r.URL.Path) }))
	defer app.Close()
	address := freeAddress(t)
	config := wire.ProjectConfig{
		Project:   "shop",
		Listeners: []wire.Listener{{Name: "public", Network: "tcp", Address: address}},
		Services: []wire.Service{{Name: "web", Targets: []wire.Target{
			{ID: "shop-web-1", Generation: "1", Address: app.Listener.Addr().String()},
		}}},
	}
	put, err := client.Put(ctx, config, PutOptions{})
	if err != nil || put.Generation != 1 || put.Listeners[0].State != wire.ListenerServing {
		t.Fatalf("put %+v, %v", put, err)
	}
	got, err := client.Get(ctx, "shop")
	if diff := cmp.Diff(config, got); err != nil || diff != "" {
		t.Fatalf("get: %v\n%s", err, diff)
	}
	if names, err := client.Projects(ctx); err != nil || len(names) != 1 {
		t.Fatalf("projects %v, %v", names, err)
	}
	probe := http.Client{Transport: client.Probe("shop", "web", "shop-web-1")}
	response, err := probe.Get("http://shop.test/healthz")
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(response.Body); string(body) != "ok /healthz" {
		t.Fatalf("probe got %q", body)
	}
	config.Services[0].Targets[0].Weight = 1
	if _, err := client.Put(ctx, config, PutOptions{}); err != nil {
		t.Fatal(err)
	}
	checkHold(t, client, address)
	stats, err := client.Stats(ctx, "shop")
	for err == nil && len(stats.Generations) == 2 && stats.Generations[1].InFlight > 0 { // it is counted a moment after its answer is there
		runtime.Gosched()
		stats, err = client.Stats(ctx, "shop")
	}
	if err != nil || len(stats.Generations) != 2 || stats.Generations[1].Requests != 1 || stats.Generations[1].Held != 1 {
		t.Fatalf("stats %+v, %v", stats, err)
	}
	if err := client.Delete(ctx, "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(ctx, "shop"); !errors.Is(err, ErrUnknown) {
		t.Fatalf("got %v", err)
	}
}

func checkHold(t *testing.T, client *Client, address string) {
	t.Helper()
	ctx := t.Context()
	lease, err := client.Hold(ctx, "shop", []string{"web"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + address + "/")
		if err == nil && response.StatusCode != 200 {
			err = errors.New(response.Status)
		}
		answer <- err
	}()
	for stats, _ := client.Stats(ctx, ""); stats.Generations[0].Parked != 1; stats, _ = client.Stats(ctx, "") {
		time.Sleep(time.Millisecond)
	}
	if state, err := client.Wait(ctx, "shop-web-1"); err != nil || state.Requests != 0 || state.Claimable {
		t.Fatalf("in flight %+v, %v", state, err)
	}
	if err := lease.Renew(ctx); err != nil {
		t.Fatal(err)
	}
	if err := lease.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	if err := lease.Release(ctx); !errors.Is(err, ErrUnknown) {
		t.Fatalf("second release: %v", err)
	}
	if state, err := client.CloseIdle(ctx, "shop-web-1"); err != nil || state.Idle != 0 || !state.Claimable {
		t.Fatalf("close idle: %+v, %v", state, err)
	}
}

func TestRefusals(t *testing.T) {
	ctx := t.Context()
	directory := t.TempDir()
	runEdge(t, directory)
	client := New(directory)
	client.awaitHealth(ctx)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	listeners := []wire.Listener{{Name: "public", Network: "tcp", Address: freeAddress(t)}}
	shop := wire.ProjectConfig{Project: "shop", Listeners: listeners, Services: []wire.Service{{Name: "web"}}}
	if _, err := client.Put(ctx, shop, PutOptions{}); err != nil {
		t.Fatal(err)
	}
	blog := shop
	blog.Project = "blog"
	_, err = client.Put(ctx, blog, PutOptions{})
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "shop") || !strings.Contains(err.Error(), "blog") {
		t.Errorf("conflict: %v", err)
	}
	blog.Listeners = []wire.Listener{{Name: "public", Network: "tcp", Address: taken.Addr().String()}}
	if _, err := client.Put(ctx, blog, PutOptions{}); !errors.Is(err, ErrBind) {
		t.Errorf("bind: %v", err)
	}
	if put, err := client.Put(ctx, blog, PutOptions{WaitBind: true}); err != nil || len(put.Listeners) != 2 {
		t.Errorf("wait: %+v, %v", put, err)
	}
	blog.Project = "B"
	if _, err := client.Put(ctx, blog, PutOptions{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("invalid: %v", err)
	}
	if _, err := client.Hold(ctx, "nobody", nil, time.Minute); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
	if err := client.call(ctx, "PATCH", "/nothing", nil, nil); !errors.Is(err, ErrIncompatible) {
		t.Errorf("unsupported: %v", err)
	}
}

// fakeHost starts an edge in this process when it is asked for a container.
type fakeHost struct {
	t      *testing.T
	image  string
	spec   HostContainer
	starts int
}

func (h *fakeHost) EnsureImage(_ context.Context, reference, binaryPath string) (string, error) {
	if _, err := os.Stat(binaryPath); err != nil {
		h.t.Error(err)
	}
	h.image = reference
	return "sha256:1234", nil
}

func (h *fakeHost) EnsureContainer(_ context.Context, spec HostContainer) (bool, error) {
	h.spec = spec
	h.starts++
	runEdge(h.t, spec.Mounts[len(spec.Mounts)-1])
	return true, nil
}

func (h *fakeHost) RemoveContainer(context.Context, string) error { return nil }

func TestInstall(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "state")
	program := filepath.Join(t.TempDir(), BinaryName)
	os.WriteFile(program, []byte("program"), 0o755)
	host := &fakeHost{t: t}
	wanted := Installation{StateDirectory: directory, BinaryPath: program}
	for range 2 {
		if health, err := Install(t.Context(), host, wanted); err != nil || health.Version != "test" {
			t.Fatalf("%+v, %v", health, err)
		}
	}
	if host.starts != 1 {
		t.Fatalf("a serving edge was replaced: %d starts", host.starts)
	}
	if host.spec.Name == BinaryName || !strings.HasPrefix(host.spec.Name, BinaryName+"-") || host.spec.Image != "sha256:1234" {
		t.Fatalf("container %+v", host.spec)
	}
	if ContainerName(DefaultStateDirectory+"/") != BinaryName {
		t.Fatal("the default directory has the plain name")
	}
}

func TestExtract(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "new")
	for range 2 {
		path, err := extract(directory, []byte("program"))
		if err != nil {
			t.Fatal(err)
		}
		if found, err := os.Stat(path); err != nil || found.Mode().Perm() != 0o755 {
			t.Fatalf("%v, %v", found, err)
		}
	}
	if entries, _ := os.ReadDir(directory); len(entries) != 1 {
		t.Fatalf("left %v", entries)
	}
}
