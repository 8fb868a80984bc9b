package edge

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gapless/internal/edge/wire"
)

// patient is the limit of a wait, in milliseconds, in tests that are not about it.
const patient = 600_000

func (r *running) mustHold(lease string, ttl time.Duration) {
	r.t.Helper()
	if _, err := r.hold("shop", lease, wire.HoldRequest{TTLMilliseconds: ttl.Milliseconds()}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) parkedCount() int64 { return r.stats("").Parked }

func TestHoldParksInOrderAndReleases(t *testing.T) {
	leakCheck(t)
	var mu sync.Mutex
	var order []string
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		order = append(order, r.URL.Path)
		mu.Unlock()
		io.WriteString(w, r.URL.Path)
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	e.mustHold("lease", time.Minute)
	var clients []*raw
	for i := range 5 {
		client := connect(t, e.address)
		client.say(get(fmt.Sprint("/", i)))
		await(t, "parking", func() bool { return e.parkedCount() == int64(i+1) })
		clients = append(clients, client)
	}
	if e.inFlightOf("web-1") != 0 {
		t.Fatal("a parked request is counted in flight")
	}
	if _, err := e.release("shop", "lease"); err != nil {
		t.Fatal(err)
	}
	for i, client := range clients {
		client.want("GET", 200, fmt.Sprint("/", i))
	}
	if len(order) != 5 {
		t.Fatalf("application saw %v", order)
	}
	stats := e.finished("web-1")
	if stats.Held != 5 || stats.Requests != 5 || e.parkedCount() != 0 {
		t.Fatalf("stats %+v", stats)
	}
}

// The queue itself is first in, first out; what the network does afterwards is not
// the edge's to order.
func TestQueueOrder(t *testing.T) {
	parked := true
	parking := func() bool { return parked }
	q := &queue{}
	limits := withDefaults(wire.Limits{})
	var waiters []*waiter
	for range 4 {
		w := &waiter{ready: make(chan struct{})}
		q.enter(w, limits, parking, false)
		waiters = append(waiters, w)
	}
	again := &waiter{ready: make(chan struct{})}
	q.enter(again, limits, parking, true)
	if !q.leave(waiters[1]) || q.leave(waiters[1]) {
		t.Fatal("leaving works exactly once")
	}
	parked = false
	for _, w := range []*waiter{again, waiters[0], waiters[2], waiters[3]} {
		q.pop(1, parking)
		select {
		case <-w.ready:
		default:
			t.Fatal("released out of order")
		}
	}
	if q.count.Load() != 0 || q.bytes != 0 || q.first != nil || q.last != nil {
		t.Fatalf("queue is not empty: %+v", q.count.Load())
	}
}

func TestHoldLimits(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{HoldMaxRequests: 1, HoldMaxWaitMilliseconds: patient}, at("web-1", app))
	e.mustHold("lease", time.Minute)
	refused := func(client *raw, why string) {
		t.Helper()
		response, _, _ := client.answer("GET")
		if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || response.Header.Get(wire.HeaderCause) != why {
			t.Fatalf("got %d %v, want %s", response.StatusCode, response.Header, why)
		}
	}
	first := connect(t, e.address)
	first.say(get("/"))
	await(t, "parking", func() bool { return e.parkedCount() == 1 })
	second := connect(t, e.address)
	second.say(get("/"))
	refused(second, "hold_overflow")
	e.release("shop", "lease")
	first.want("GET", 200, "ok")

	e.config.Services[0].Limits.HoldMaxWaitMilliseconds = 300
	e.mustPut(e.config)
	e.mustHold("lease", time.Minute)
	third := connect(t, e.address)
	third.say(get("/"))
	refused(third, "hold_timeout")
	stats := e.stats("")
	if stats.Failures["hold_overflow"] != 1 || stats.Failures["hold_timeout"] != 1 {
		t.Fatalf("stats %+v", stats)
	}
}

func TestHoldByBytes(t *testing.T) {
	e := start(t, wire.Limits{HoldMaxBytes: 1000}, at("web-1", free(t)))
	e.mustHold("lease", time.Minute)
	client := connect(t, e.address)
	client.say(get("/"))
	if response, _, _ := client.answer("GET"); response.Header.Get(wire.HeaderCause) != "hold_overflow" {
		t.Fatalf("got %d %v", response.StatusCode, response.Header)
	}
}

func TestLeaseExpiresUnlessRenewed(t *testing.T) {
	t.Parallel()
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{HoldMaxWaitMilliseconds: patient}, at("web-1", app))
	e.mustHold("lease", time.Minute)
	client := connect(t, e.address)
	client.say(get("/"))
	await(t, "parking", func() bool { return e.parkedCount() == 1 })
	const short = 2 * time.Second // two calls in a row take less, however busy the machine is
	e.mustHold("lease", short)
	e.mustHold("lease", time.Minute)
	time.Sleep(short + 100*time.Millisecond)
	if e.parkedCount() != 1 {
		t.Fatal("a renewed hold let go")
	}
	e.mustHold("lease", 200*time.Millisecond)
	client.want("GET", 200, "ok")
	if _, err := e.release("shop", "lease"); err == nil {
		t.Fatal("an expired lease could be released")
	}
}

func TestTwoLeasesHoldUntilBothEnd(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{}, at("web-1", app))
	e.mustHold("one", time.Minute)
	e.mustHold("two", time.Minute)
	e.release("shop", "one")
	if e.parking(serviceKey{"shop", "web"}) == causeNone {
		t.Fatal("the second lease does not hold")
	}
	e.release("shop", "two")
	if e.parking(serviceKey{"shop", "web"}) != causeNone {
		t.Fatal("still held")
	}
}

// A client that resets while parked must not reach the application; one that closed
// only its sending side still gets its answer.
func TestParkedClientsThatReset(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.URL.Path)
		io.WriteString(w, "ok")
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	e.mustHold("lease", time.Minute)
	gone, half := connect(t, e.address), connect(t, e.address)
	gone.say(get("/gone"))
	half.say(get("/half"))
	await(t, "parking", func() bool { return e.parkedCount() == 2 })
	half.Conn.(*net.TCPConn).CloseWrite()
	gone.Conn.(*net.TCPConn).SetLinger(0)
	gone.Conn.Close()
	await(t, "the reset one leaves", func() bool { return e.parkedCount() == 1 })
	e.release("shop", "lease")
	half.want("GET", 200, "ok")
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, []string{"/half"}) {
		t.Fatalf("application saw %v", seen)
	}
	await(t, "the abort is counted", func() bool { return e.stats("").ClientAborts == 1 })
}

func TestHoldDoesNotAskForTheBody(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	e.mustHold("lease", time.Minute)
	client := connect(t, e.address)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	await(t, "parking", func() bool { return e.parkedCount() == 1 })
	client.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := client.in.Peek(1); err == nil {
		t.Fatal("a parked client was asked for its body")
	}
	client.SetReadDeadline(time.Now().Add(deadline))
	e.release("shop", "lease")
	if line, _ := client.in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	client.in.ReadString('\n')
	client.say("hello")
	client.want("POST", 200, "hello")
}

func TestNoTargetWaitsThenRefuses(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{ConnectMaxWaitMilliseconds: 200})
	late := connect(t, e.address)
	late.say(get("/"))
	if response, _, _ := late.answer("GET"); response.StatusCode != 503 || response.Header.Get(wire.HeaderCause) != "no_target" {
		t.Fatalf("got %d %v", response.StatusCode, response.Header)
	}
	e.config.Services[0].Limits = wire.Limits{}
	e.mustPut(e.config)
	patient := connect(t, e.address)
	patient.say(get("/"))
	await(t, "parking", func() bool { return e.parkedCount() == 1 })
	e.route(at("web-1", app))
	patient.want("GET", 200, "ok")
}

// Hundreds of parked requests are let go, and all are answered.
func TestReleaseOfMany(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	e := start(t, wire.Limits{HoldMaxWaitMilliseconds: patient}, at("web-1", app))
	e.mustHold("lease", 10*time.Minute)
	var clients []*raw
	for range 300 {
		client := connect(t, e.address)
		client.say(get("/"))
		clients = append(clients, client)
	}
	await(t, "parking", func() bool { return e.parkedCount() == 300 })
	e.release("shop", "lease")
	for _, client := range clients {
		client.want("GET", 200, "ok")
	}
}

// They are let go at the pace of an application that starts slowly: one that takes
// 20 ms for each gets a small part of them at once.
func TestReleaseIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, parked := &queue{}, true
		parking := func() bool { return parked }
		var present, worst, answered atomic.Int64
		for range 300 {
			w := &waiter{ready: make(chan struct{})}
			q.enter(w, withDefaults(wire.Limits{}), parking, false)
			go func() {
				<-w.ready
				worst.Store(max(worst.Load(), present.Add(1)))
				time.Sleep(20 * time.Millisecond)
				present.Add(-1)
				answered.Add(1)
			}()
		}
		synctest.Wait()
		parked = false
		q.release(parking, present.Load)
		for answered.Load() < 300 {
			time.Sleep(time.Millisecond)
		}
		if worst.Load() > 200 {
			t.Errorf("%d requests at once reached the application", worst.Load())
		}
		t.Logf("%d at once", worst.Load())
	})
}

// Once a hold is in force no request can reach a target any more, not even one that
// chose it from the snapshot before: the count that a caller sees at zero stays zero.
func TestHoldClosesTargetsForLateClaims(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", free(t)))
	late := e.current.Load().services[serviceKey{"shop", "web"}].pick(nil)
	e.mustHold("lease", time.Minute)
	if late.target.claim() {
		t.Fatal("claimed a target of a held service")
	}
	e.release("shop", "lease")
	if !late.target.claim() {
		t.Fatal("the release did not open the target")
	}
	late.target.unclaim()
	e.route(wire.Target{ID: "web-1", Generation: "web-1", Address: late.target.key.address})
	if late.target.claim() {
		t.Fatal("claimed a target without weight")
	}
}
