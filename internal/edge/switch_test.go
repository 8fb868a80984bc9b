package edge

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gapless/internal/edge/wire"
)

// A drained target whose count was seen at zero must never be claimed again, whatever
// the claimers and the switcher do at the same time.
func TestClaimAgainstDrain(t *testing.T) {
	var current atomic.Pointer[target]
	first := &target{}
	current.Store(first)
	var stopped atomic.Bool
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for !stopped.Load() {
				picked := current.Load()
				if !picked.claim() {
					continue
				}
				if picked.tunnels.Load() != 0 { // stands for "container is stopped"
					t.Error("claimed after the drain was seen complete")
				}
				picked.unclaim()
			}
		})
	}
	for range 20000 {
		next := &target{}
		previous := current.Swap(next)
		previous.drain()
		for previous.inFlight() != 0 {
		}
		previous.tunnels.Store(1)
	}
	stopped.Store(true)
	wait.Wait()
}

// version is an application that can be stopped like a container: a request that
// reaches it afterwards is a loss.
type version struct {
	id      string
	address string
	server  *httptest.Server
	stopped atomic.Bool
}

func newVersion(t testing.TB, id string, journal *sync.Map) *version {
	v := &version{id: id}
	v.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if v.stopped.Load() {
			t.Errorf("request %s reached %s after it was drained", r.URL, id)
		}
		if _, doubled := journal.LoadOrStore(r.URL.Path, id); doubled && r.Method == "POST" {
			t.Errorf("POST %s was done twice", r.URL.Path)
		}
		io.WriteString(w, r.URL.Path)
	}))
	v.address = v.server.Listener.Addr().String()
	return v
}

func (v *version) stop() {
	v.stopped.Store(true)
	v.server.CloseClientConnections()
	v.server.Close()
}

// hammer sends requests with unique ids until stopped, GET and POST, kept-alive and
// fresh, and never repeats one.
func hammer(t testing.TB, address string, worker int, stopped *atomic.Bool, answered *atomic.Int64) {
	var client *raw
	for i := 0; !stopped.Load(); i++ {
		if client == nil || i%7 == 0 {
			if client != nil {
				client.Close()
			}
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			client = &raw{Conn: conn, t: t, in: bufio.NewReader(conn)}
		}
		path := fmt.Sprintf("/%d/%d", worker, i)
		request := get(path)
		if i%2 == 0 {
			size := rand.IntN(9000)
			request = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: shop.test\r\nContent-Length: %d\r\n\r\n%s", path, size, strings.Repeat("x", size))
		}
		client.SetDeadline(time.Now().Add(deadline))
		if _, err := io.WriteString(client, request); err != nil {
			t.Errorf("send %s: %v", path, err)
			return
		}
		response, err := http.ReadResponse(client.in, nil)
		if err != nil {
			t.Errorf("answer %s: %v", path, err)
			return
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 || string(body) != path {
			t.Errorf("answer %s: %d %q %v", path, response.StatusCode, body, err)
			return
		}
		answered.Add(1)
		if response.Close { // a busy machine may make the edge say so after an upload
			client.Close()
			client = nil
		}
	}
	if client != nil {
		client.Close()
	}
}

func underLoad(t *testing.T, e *running, workers int, change func()) int64 {
	var stopped atomic.Bool
	var answered atomic.Int64
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() { hammer(t, e.address, worker, &stopped, &answered) })
	}
	change()
	stopped.Store(true)
	wait.Wait()
	return answered.Load()
}

// Switching start-first, hundreds of times, each old version killed as soon as its
// drain is complete.
func TestSwitchingUnderLoadLosesNothing(t *testing.T) {
	leakCheck(t)
	var journal sync.Map
	present := newVersion(t, "v0", &journal)
	e := start(t, wire.Limits{}, at("v0", present.address))
	const switches = 200
	answered := underLoad(t, e, 8, func() {
		for i := range switches {
			next := newVersion(t, fmt.Sprint("v", i+1), &journal)
			e.route(at(next.id, next.address))
			old := present
			await(t, "the drain", func() bool { return e.inFlightOf(old.id) == 0 })
			old.stop()
			present = next
		}
	})
	present.stop()
	t.Logf("%d requests over %d switches", answered, switches)
	stats, _ := e.getStats(httptest.NewRequest("GET", "/", nil))
	for _, line := range stats.(wire.Stats).Generations {
		if line.FailureTotal()+line.ClientAborts+line.ServerErrors > 0 {
			t.Errorf("stats %+v", line)
		}
	}
}

// Order H: hold, drain, stop, start at the same address, release.
func TestReplacingInPlaceUnderHoldLosesNothing(t *testing.T) {
	var journal sync.Map
	address := free(t)
	serve := func(id string) *version {
		v := &version{id: id, address: address}
		socket, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		v.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if v.stopped.Load() {
				t.Errorf("%s reached %s after the drain", r.URL, id)
			}
			if _, doubled := journal.LoadOrStore(r.URL.Path, id); doubled && r.Method == "POST" {
				t.Errorf("POST %s was done twice", r.URL.Path)
			}
			io.WriteString(w, r.URL.Path)
		}))
		v.server.Listener.Close()
		v.server.Listener = socket
		v.server.Start()
		return v
	}
	present := serve("v0")
	e := start(t, wire.Limits{HoldMaxWaitMilliseconds: patient}, at("web-1", address))
	underLoad(t, e, 8, func() {
		for i := range 50 {
			e.mustHold("lease", 10*time.Minute)
			await(t, "the drain", func() bool { return e.inFlightOf("web-1") == 0 })
			present.stop()
			present = serve(fmt.Sprint("v", i+1))
			if _, err := e.release("shop", "lease"); err != nil {
				t.Fatal(err)
			}
			served := e.stats("web-1").Requests
			await(t, "traffic", func() bool { return e.stats("web-1").Requests > served+20 })
		}
	})
	present.stop()
	if stats := e.finished("web-1"); stats.FailureTotal() > 0 || stats.Held == 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestWeightsAreKept(t *testing.T) {
	var counts [3]atomic.Int64
	var targets []wire.Target
	for i, weight := range []int{5, 95, 0} {
		app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { counts[i].Add(1) })
		targets = append(targets, wire.Target{ID: fmt.Sprint("web-", i), Generation: "g", Address: app, Weight: weight})
	}
	e := start(t, wire.Limits{}, targets...)
	client := connect(t, e.address)
	for range 400 {
		client.say(get("/"))
		client.want("GET", 200, "")
	}
	if counts[0].Load() != 20 || counts[1].Load() != 380 || counts[2].Load() != 0 {
		t.Fatalf("got %d, %d, %d", counts[0].Load(), counts[1].Load(), counts[2].Load())
	}
}

// An application closes idle connections at its own limit; requests timed exactly
// there are the ones that other proxies lose. Nothing protects a POST from a limit
// below freshEnough that the edge has not learned yet.
func TestPostsAtTheApplicationsIdleLimit(t *testing.T) {
	t.Parallel()
	for _, advertised := range []bool{false, true} {
		t.Run(fmt.Sprint("advertised ", advertised), func(t *testing.T) {
			t.Parallel()
			const limit = freshEnough + 2*time.Second // a busy machine may rest between the look at a connection and the write
			var done sync.Map
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				if _, doubled := done.LoadOrStore(r.URL.Path, true); doubled && r.Method == "POST" {
					t.Errorf("%s was done twice", r.URL.Path)
				}
				if advertised {
					w.Header().Set("Keep-Alive", "timeout=1")
				}
				io.WriteString(w, "ok")
			})
			server := httptest.NewUnstartedServer(handler)
			server.Config.IdleTimeout = limit
			server.Start()
			t.Cleanup(server.Close)
			e := start(t, wire.Limits{}, at("web-1", server.Listener.Addr().String()))
			var wait sync.WaitGroup
			for worker := range 16 {
				wait.Go(func() {
					client := connect(t, e.address)
					for i := range 5 {
						method := []string{"POST", "GET", "PATCH", "PUT"}[(worker+i)%4]
						client.say(fmt.Sprintf("%s /%d/%d HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 2\r\n\r\nhi", method, worker, i))
						client.want(method, 200, "ok")
						time.Sleep(limit - time.Millisecond + time.Duration(rand.IntN(2000))*time.Microsecond)
					}
				})
			}
			wait.Wait()
			if stats := e.finished("web-1"); stats.FailureTotal() > 0 {
				t.Fatalf("failures %v", stats.Failures)
			}
		})
	}
}

// A target that restarts refuses connections for a while; nothing was sent, so any
// method waits for it, body and all.
func TestConnectingIsRetried(t *testing.T) {
	address := free(t)
	e := start(t, wire.Limits{ConnectMaxWaitMilliseconds: patient}, at("web-1", address))
	client := connect(t, e.address)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello")
	await(t, "a refused connection", func() bool { return e.targetsOf("web-1")[0].suspectUntil.Load() != 0 })
	socket, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })}
	go server.Serve(socket)
	t.Cleanup(func() { server.Close() })
	client.want("POST", 200, "hello")
	if stats := e.finished("web-1"); stats.Retries == 0 || stats.FailureTotal() != 0 {
		t.Fatalf("stats %+v", stats)
	}
}

func TestConnectingMovesToTheNewTarget(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	e := start(t, wire.Limits{ConnectMaxWaitMilliseconds: patient}, at("web-1", free(t)))
	client := connect(t, e.address)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello")
	await(t, "a refused connection", func() bool { return e.targetsOf("web-1")[0].suspectUntil.Load() != 0 })
	e.route(at("web-2", app))
	client.want("POST", 200, "hello")
	// With one of two targets dead, nobody waits for it.
	e.route(at("web-1", free(t)), at("web-2", app))
	for range 20 {
		client.say(get("/"))
		client.want("GET", 200, "")
	}
}

func TestConnectingGivesUp(t *testing.T) {
	e := start(t, wire.Limits{ConnectMaxWaitMilliseconds: 50}, at("web-1", free(t)))
	client := connect(t, e.address)
	client.say(get("/"))
	client.want("GET", 502, "502 Bad Gateway: dial\n")
	if stats := e.finished("web-1"); stats.Failures["dial"]+e.stats("").Failures["dial"] != 1 {
		t.Fatalf("stats %+v", stats)
	}
}

// What is repeated after a connection that died without an answer: safe requests
// always, others never once they may have been seen.
func TestRepeatingAfterADeadConnection(t *testing.T) {
	var calls atomic.Int32
	app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
		if _, err := readRequestHead(in); err == nil && calls.Add(1) > 1 {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		}
	})
	for method, want := range map[string]struct {
		status int
		calls  int32
	}{"GET": {200, 2}, "POST": {502, 1}, "PATCH": {502, 1}, "DELETE": {502, 1}} {
		calls.Store(0)
		e := start(t, wire.Limits{}, at("web-1", app))
		client := connect(t, e.address)
		client.say(method + " / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
		response, _, _ := client.answer(method)
		if response.StatusCode != want.status || calls.Load() != want.calls {
			t.Errorf("%s: got %d after %d calls, want %+v", method, response.StatusCode, calls.Load(), want)
		}
	}
}

// A request that cannot be repeated gets a connection that was in use just now, or a
// new one: the application may be closing an older one at this very moment.
func TestPostAvoidsOldConnections(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	e := start(t, wire.Limits{}, at("web-1", server.Listener.Addr().String()))
	client := connect(t, e.address)
	for range 3 {
		client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n")
		client.want("POST", 200, "")
		time.Sleep(freshEnough + 10*time.Millisecond)
	}
	if opened.Load() != 3 {
		t.Fatalf("%d connections for 3 posts", opened.Load())
	}
}

func TestIdleLimitIsLearned(t *testing.T) {
	now := time.Now()
	p := &pool{}
	if p.limit(now) != defaultIdleLimit {
		t.Fatal("default")
	}
	p.learnTimeout(5)
	if p.limit(now) != 2500*time.Millisecond {
		t.Fatalf("advertised: %s", p.limit(now))
	}
	p.learnClose(2*time.Second, now)
	if p.limit(now) != time.Second {
		t.Fatalf("observed: %s", p.limit(now))
	}
	if later := now.Add(2 * forget); p.limit(later) != 2500*time.Millisecond {
		t.Fatalf("forgotten: %s", p.limit(later))
	}
}
