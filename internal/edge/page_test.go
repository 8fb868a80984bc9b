package edge

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gapless/internal/edge/wire"
)

func (r *running) mustHoldWithPage(lease string, ttl, pageAfter time.Duration, page wire.Page) {
	r.t.Helper()
	request := wire.HoldRequest{TTLMilliseconds: ttl.Milliseconds(), PageAfterMilliseconds: pageAfter.Milliseconds(), Page: &page}
	if _, err := r.hold("shop", lease, request); err != nil {
		r.t.Fatal(err)
	}
}

// wantPage reads an answer that must be a page, and returns its body.
func (r *raw) wantPage(method, retryAfter string) string {
	r.t.Helper()
	response, body, err := r.answer(method)
	if err != nil || response.StatusCode != 503 || response.Header.Get("Retry-After") != retryAfter ||
		response.Header.Get(wire.HeaderCause) != "maintenance" || response.Header.Get("Cache-Control") != "no-store" {
		r.t.Fatalf("no page: %d %v %q (%v)", response.StatusCode, response.Header, body, err)
	}
	return body
}

func answering(t testing.TB, text string) string {
	return serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, text)
	})
}

// Requests wait until the hold is too old. Then those that wait and those that arrive
// get the page, none of them counts as failed, and after the release all are served.
func TestPageAfterTheHold(t *testing.T) {
	leakCheck(t)
	e := start(t, wire.Limits{HoldMaxWaitMilliseconds: patient}, at("web-1", answering(t, "ok")))
	began := time.Now()
	e.mustHoldWithPage("lease", 10*time.Minute, 10*time.Minute, wire.Page{})
	var waiting []*raw
	for range 3 {
		client := connect(t, e.address)
		client.say(get("/"))
		waiting = append(waiting, client)
	}
	await(t, "parking", func() bool { return e.parkedCount() == 3 })
	// All wait; now the hold may become too old for its page.
	pageAfter := (time.Since(began) + 300*time.Millisecond).Round(time.Millisecond)
	e.mustHoldWithPage("lease", 10*time.Minute, pageAfter, wire.Page{})
	for _, client := range waiting {
		if body := client.wantPage("GET", "30"); !strings.Contains(body, "again in about 30 seconds") {
			t.Fatalf("the built-in page is %s", body)
		}
	}
	if waited := time.Since(began); waited < pageAfter {
		t.Errorf("the page came after %s", waited)
	}
	late := connect(t, e.address)
	late.say(get("/"))
	late.wantPage("GET", "30")
	if health, _ := e.getHealth(nil); !health.(wire.Health).Holds[0].Paging {
		t.Error("the edge does not tell that it answers with the page")
	}
	if _, err := e.release("shop", "lease"); err != nil {
		t.Fatal(err)
	}
	served := connect(t, e.address)
	served.say(get("/"))
	served.want("GET", 200, "ok")

	stats := e.stats("")
	if stats.Paged != 4 || stats.FailureTotal() != 0 || stats.Requests != 4 || stats.ServerErrors != 0 || stats.Latency.Total() != 0 || stats.Held != 0 {
		t.Errorf("stats %+v", stats)
	}
	if stats.PagedMilliseconds > (time.Since(began) - pageAfter).Milliseconds() {
		t.Errorf("the page was in force for %d ms", stats.PagedMilliseconds)
	}
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	if state := e.store.services[serviceKey{"shop", "web"}]; !state.pagedSince.IsZero() || state.pagedBefore <= 0 {
		t.Errorf("the time of the page after the release: since %s, %s before", state.pagedSince, state.pagedBefore)
	}
}

// Whoever asks for JSON first gets JSON; HEAD gets no body.
func TestPageFollowsTheClient(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", free(t)))
	own := "<!doctype html><title>Hut ab</title>"
	e.mustHoldWithPage("lease", time.Minute, 0, wire.Page{HTML: own, RetryAfterSeconds: 120})
	for accept, wantJSON := range map[string]bool{
		"": false, "*/*": false, "text/html,application/json": false, "application/json": true,
		"application/json, text/plain, */*": true, "application/problem+json;q=0.9": true, "Application/JSON; charset=utf-8": true,
		"text/plain, application/json": true, ",;": false,
	} {
		client := connect(t, e.address)
		client.say("GET / HTTP/1.1\r\nHost: shop.test\r\naccept: " + accept + "\r\n\r\n")
		body := client.wantPage("GET", "120")
		var said struct {
			Error      string `json:"error"`
			RetryAfter int    `json:"retry_after"`
		}
		isJSON := json.Unmarshal([]byte(body), &said) == nil
		if isJSON != wantJSON || !isJSON && body != own || isJSON && (said.Error != "maintenance" || said.RetryAfter != 120) {
			t.Errorf("Accept %q: %s", accept, body)
		}
	}
	client := connect(t, e.address)
	client.say("HEAD / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	if body := client.wantPage("HEAD", "120"); body != "" {
		t.Errorf("HEAD got %q", body)
	}
}

// A renewal neither makes the hold young again nor forgets its page.
func TestPageComesInSpiteOfRenewals(t *testing.T) {
	e := start(t, wire.Limits{HoldMaxWaitMilliseconds: patient}, at("web-1", free(t)))
	client := connect(t, e.address)
	before := e.current.Load().generation
	e.mustHoldWithPage("lease", time.Minute, 200*time.Millisecond, wire.Page{})
	client.say(get("/"))
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		client.wantPage("GET", "30")
	}()
	for done := false; !done; {
		e.mustHoldWithPage("lease", time.Minute, 200*time.Millisecond, wire.Page{})
		select {
		case <-answered:
			done = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	// One snapshot with the hold, one with its page.
	if now := e.current.Load().generation; now != before+2 {
		t.Errorf("a hold, its page and renewals published %d snapshots", now-before)
	}
}

// What ends a wait early ends in the page too: the limit of one request, and a queue
// that is full. Without a page it does not.
func TestPageInsteadOfHoldFailures(t *testing.T) {
	e := start(t, wire.Limits{HoldMaxRequests: 1, HoldMaxWaitMilliseconds: patient}, at("web-1", answering(t, "ok")))
	e.mustHoldWithPage("lease", 10*time.Minute, 10*time.Minute, wire.Page{})
	first := connect(t, e.address)
	first.say(get("/"))
	await(t, "parking", func() bool { return e.parkedCount() == 1 })
	second := connect(t, e.address)
	second.say(get("/"))
	second.wantPage("GET", "30")
	e.release("shop", "lease")
	first.want("GET", 200, "ok")

	e.config.Services[0].Limits.HoldMaxWaitMilliseconds = 200
	e.mustPut(e.config)
	e.mustHoldWithPage("lease", 10*time.Minute, 10*time.Minute, wire.Page{})
	third := connect(t, e.address)
	third.say(get("/"))
	third.wantPage("GET", "30")
	if stats := e.stats(""); stats.Paged != 2 || stats.FailureTotal() != 0 {
		t.Errorf("stats %+v", stats)
	}
}

// The page ends with the lease of a holder that died.
func TestPageEndsWithTheLease(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", answering(t, "ok")))
	e.mustHoldWithPage("lease", time.Minute, 0, wire.Page{})
	client := connect(t, e.address)
	client.say(get("/"))
	client.wantPage("GET", "30")
	e.mustHoldWithPage("lease", 300*time.Millisecond, 0, wire.Page{})
	await(t, "the end of the lease", func() bool { return e.current.Load().services[serviceKey{"shop", "web"}].closed() == causeNone })
	client = connect(t, e.address)
	client.say(get("/"))
	client.want("GET", 200, "ok")
}

// An edge that is started anew in the middle answers with the page at once.
func TestPageSurvivesARestart(t *testing.T) {
	directory := t.TempDir()
	first, stop := launch(t, Options{StateDirectory: directory})
	address := free(t)
	r := &running{Edge: first, t: t, address: address}
	r.config = wire.ProjectConfig{
		Project: "shop", Listeners: []wire.Listener{{Name: "public", Network: "tcp", Address: address}},
		// Who were parked would not be answered before the test gives up.
		Services: []wire.Service{{Name: "web", Targets: []wire.Target{at("web-1", free(t))}, Limits: wire.Limits{HoldMaxWaitMilliseconds: patient}}},
	}
	r.mustPut(r.config)
	r.mustHoldWithPage("lease", 10*time.Minute, 50*time.Millisecond, wire.Page{HTML: "own"})
	client := connect(t, address)
	client.say(get("/"))
	client.wantPage("GET", "30")
	stop()
	launch(t, Options{StateDirectory: directory})
	client = connect(t, address)
	client.say(get("/"))
	if body := client.wantPage("GET", "30"); body != "own" {
		t.Errorf("the page is %q", body)
	}
}

// A client that sends a large body before it reads gets the page and no reset.
func TestPageAnswersAnUpload(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", free(t)))
	e.mustHoldWithPage("lease", time.Minute, 0, wire.Page{})
	client := connect(t, e.address)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 20971520\r\n\r\n")
	client.say(strings.Repeat("x", 20971520))
	client.wantPage("POST", "30")
}

// While holds with pages come and go, every request is either served or paged, and the
// counters agree with the clients.
func TestPagesUnderLoad(t *testing.T) {
	leakCheck(t)
	e := start(t, wire.Limits{}, at("web-1", answering(t, "ok")))
	var served, paged atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		clients.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				request, _ := http.NewRequest("POST", "http://"+e.address+"/", strings.NewReader("x"))
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Errorf("lost: %v", err)
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				switch {
				case response.StatusCode == 200:
					served.Add(1)
				case response.StatusCode == 503 && response.Header.Get(wire.HeaderCause) == "maintenance":
					paged.Add(1)
				default:
					t.Errorf("got %d %v", response.StatusCode, response.Header)
				}
			}
		})
	}
	for round := int64(1); round <= 20; round++ {
		e.mustHoldWithPage("lease", time.Minute, 5*time.Millisecond, wire.Page{})
		before := paged.Load()
		await(t, "a page", func() bool { return paged.Load() > before })
		if _, err := e.release("shop", "lease"); err != nil {
			t.Fatal(err)
		}
		before = served.Load()
		await(t, "an answer", func() bool { return served.Load() > before })
	}
	close(stop)
	clients.Wait()
	await(t, "the end of all requests", func() bool { return e.inFlightOf("web-1") == 0 })
	if got := e.stats(""); int64(got.Paged) != paged.Load() || got.FailureTotal() != 0 {
		t.Errorf("the edge counted %d pages of %d: %+v", got.Paged, paged.Load(), got)
	}
	if got := e.stats("web-1"); int64(got.Requests) != served.Load() {
		t.Errorf("the edge counted %d answers of %d", got.Requests, served.Load())
	}
}

// What cannot be sent as a page is refused.
func TestPageIsChecked(t *testing.T) {
	e := start(t, wire.Limits{}, at("web-1", free(t)))
	for name, page := range map[string]wire.Page{
		"large": {HTML: strings.Repeat("x", wire.MaxPageBytes+1)}, "not UTF-8": {HTML: "\xff"}, "negative": {RetryAfterSeconds: -1}, "endless": {RetryAfterSeconds: 1e6},
	} {
		if _, err := e.hold("shop", "lease", wire.HoldRequest{TTLMilliseconds: 1000, Page: &page}); err == nil {
			t.Errorf("a page that is %s was taken", name)
		}
	}
	if _, err := e.hold("shop", "lease", wire.HoldRequest{TTLMilliseconds: 1000, PageAfterMilliseconds: -1}); err == nil {
		t.Error("a page before the hold was taken")
	}
}
