package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gapless/internal/edge/wire"
)

// deadline is how long a test waits for anything before it gives up.
const deadline = 2 * time.Minute

// running is an edge under test with one project and one listener.
type running struct {
	*Edge
	t       testing.TB
	address string
	config  wire.ProjectConfig
	stop    func()
}

// lastPort is the port that free gave out last.
var lastPort atomic.Int32

// free returns a loopback address that nobody listens on. It is of this process
// alone, and its port none that the kernel hands out: nobody takes it meanwhile.
func free(t testing.TB) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.77.%d.%d:%d", os.Getpid()>>8&0xff, os.Getpid()&0xff, 10_000+lastPort.Add(1)%10_000)
		if socket, err := net.Listen("tcp", address); err == nil {
			socket.Close()
			return address
		}
	}
}

func quietLog(t testing.TB) *slog.Logger {
	if testing.Verbose() && os.Getenv("EDGE_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// launch runs an edge in a directory until the test or stop ends it.
func launch(t testing.TB, options Options) (e *Edge, stop func()) {
	t.Helper()
	options.Log = quietLog(t)
	if options.DrainMaxWait == 0 {
		options.DrainMaxWait = time.Second
	}
	if options.linger == 0 {
		options.linger = time.Millisecond
	}
	e = New(options)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	await(t, "the first answer on the control socket", func() bool {
		conn, err := net.Dial("unix", options.StateDirectory+"/"+wire.ControlSocketName)
		if err != nil {
			return false
		}
		defer conn.Close()
		io.WriteString(conn, "GET /v1/health HTTP/1.0\r\n\r\n")
		answer, err := io.ReadAll(conn)
		return err == nil && len(answer) > 0
	})
	return e, stop
}

// start runs an edge whose project "shop" has the service "web" with these targets.
func start(t testing.TB, limits wire.Limits, targets ...wire.Target) *running {
	t.Helper()
	e, stop := launch(t, Options{StateDirectory: t.TempDir()})
	address := free(t)
	r := &running{Edge: e, t: t, address: address, stop: stop}
	r.config = wire.ProjectConfig{
		Project:   "shop",
		Listeners: []wire.Listener{{Name: "public", Network: "tcp", Address: address}},
		Services:  []wire.Service{{Name: "web", Targets: targets, Limits: limits}},
	}
	r.mustPut(r.config)
	return r
}

func (r *running) mustPut(config wire.ProjectConfig) {
	r.t.Helper()
	if _, err := r.put(config, false, 0); err != nil {
		r.t.Fatal(err)
	}
}

// route sends all traffic of "web" to these targets.
func (r *running) route(targets ...wire.Target) {
	r.t.Helper()
	config := r.config
	config.Services = []wire.Service{config.Services[0]}
	config.Services[0].Targets = targets
	r.mustPut(config)
}

func (r *running) inFlightOf(id string) (sum int64) {
	for _, t := range r.targetsOf(id) {
		sum += t.inFlight()
	}
	return sum
}

// finished returns the counters of one generation of "web", complete: they are once
// nothing is in flight.
func (r *running) finished(generation string) wire.GenerationStats {
	r.t.Helper()
	await(r.t, "the end of all requests", func() bool { return r.inFlightOf(generation) == 0 })
	return r.stats(generation)
}

// stats returns the counters as they are at this moment.
func (r *running) stats(generation string) wire.GenerationStats {
	all, _ := r.getStats(httptest.NewRequest("GET", "/", nil))
	for _, line := range all.(wire.Stats).Generations {
		if line.Service == "web" && line.Generation == generation {
			return line
		}
	}
	return wire.GenerationStats{}
}

func at(id, address string) wire.Target {
	return wire.Target{ID: id, Generation: id, Address: address, Weight: 1}
}

// await polls for an event; the time-out is a failure, never an assertion.
func await(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for until := time.Now().Add(deadline); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func serveHTTP(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// serveRaw accepts connections and gives each to the handler.
func serveRaw(t testing.TB, handler func(conn net.Conn, in *bufio.Reader)) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handler(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return socket.Addr().String()
}

// readRequestHead reads up to the blank line.
func readRequestHead(in *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String(), err
		}
	}
}

// raw is a client that sends exactly what it is told.
type raw struct {
	net.Conn
	in *bufio.Reader
	t  testing.TB
}

func connect(t testing.TB, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(deadline))
	t.Cleanup(func() { conn.Close() })
	return &raw{Conn: conn, in: bufio.NewReader(conn), t: t}
}

func (r *raw) say(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r.Conn, text); err != nil {
		r.t.Fatal(err)
	}
}

// answer reads one response with its body; err is what reading the body ended with.
func (r *raw) answer(method string) (*http.Response, string, error) {
	r.t.Helper()
	response, err := http.ReadResponse(r.in, &http.Request{Method: method})
	if err != nil {
		r.t.Fatalf("read answer: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// want reads one response and checks its status and body.
func (r *raw) want(method string, status int, body string) *http.Response {
	r.t.Helper()
	response, got, err := r.answer(method)
	if err != nil || response.StatusCode != status || got != body {
		r.t.Fatalf("got %d %q (%v), want %d %q", response.StatusCode, got, err, status, body)
	}
	return response
}

func get(path string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: shop.test\r\n\r\n", path)
}

// leakCheck fails the test when goroutines or descriptors stay behind.
func leakCheck(t *testing.T) {
	t.Helper()
	free(t) // the runtime opens descriptors of its own with the first socket
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	t.Cleanup(func() {
		for until := time.Now().Add(deadline); ; time.Sleep(10 * time.Millisecond) {
			if runtime.NumGoroutine() <= goroutines && openDescriptors() <= descriptors {
				return
			}
			if time.Now().After(until) {
				stacks := make([]byte, 1<<20)
				stacks = stacks[:runtime.Stack(stacks, true)]
				t.Fatalf("goroutines %d -> %d, descriptors %d -> %d\n%s", goroutines, runtime.NumGoroutine(),
					descriptors, openDescriptors(), stacks)
			}
		}
	})
}

func openDescriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

func bufioReader(in io.Reader) *bufio.Reader { return bufio.NewReader(in) }
