package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rawServer answers with whatever handle does to the bare connection; it sees
// each request once, so that a hidden retry would show as one too many.
type rawServer struct {
	listener net.Listener
	requests atomic.Int64
}

func startRaw(t *testing.T, handle func(n int64, connection *net.TCPConn) (keep bool)) *rawServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s := &rawServer{listener: listener}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(connection.(*net.TCPConn), handle)
		}
	}()
	return s
}

func (s *rawServer) serve(connection *net.TCPConn, handle func(int64, *net.TCPConn) bool) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		io.Copy(io.Discard, request.Body)
		if !handle(s.requests.Add(1), connection) || request.Close {
			return
		}
	}
}

func ok(connection net.Conn) bool {
	io.WriteString(connection, "HTTP/1.1 200 OK\r\nShop-Version: v1\r\nContent-Length: 2\r\n\r\nok")
	return true
}

// runAgainst sends until a number of requests ended, however they did, and reports.
func runAgainst(t *testing.T, address string, ended int, change func(*Config)) Report {
	t.Helper()
	config := Default("http://" + address)
	config.Targets = []Target{{Name: "get", Weight: 4, Method: "GET", Path: "/"},
		{Name: "post", Weight: 1, Method: "POST", Path: "/", Body: ballast(200)}}
	config.CompareJournal, config.Timeout = false, patience
	if change != nil {
		change(&config)
	}
	run, err := Start(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	for len(run.Samples()) < ended {
		time.Sleep(time.Millisecond)
	}
	return run.Stop()
}

func TestAllAnswered(t *testing.T) {
	server := startRaw(t, func(_ int64, c *net.TCPConn) bool { return ok(c) })
	report := runAgainst(t, server.listener.Addr().String(), 100, nil)
	if report.Failed != 0 || report.Requests < 100 || !report.Clean() {
		t.Fatalf("failed %d of %d: %v", report.Failed, report.Requests, report.Causes)
	}
	if len(report.Versions) != 1 || report.Versions[0].Version != "v1" {
		t.Errorf("versions %v", report.Versions)
	}
}

// Every tenth request is read and its connection closed: a client that
// retried would report no failure, and the server would see more requests.
func TestDroppedConnectionsAreFailures(t *testing.T) {
	var dropped atomic.Int64
	server := startRaw(t, func(n int64, c *net.TCPConn) bool {
		if n%10 == 0 {
			dropped.Add(1)
			return false
		}
		return ok(c)
	})
	report := runAgainst(t, server.listener.Addr().String(), 100, nil)
	if int64(report.Failed) != dropped.Load() || report.Failed == 0 {
		t.Errorf("%d failed, the server dropped %d", report.Failed, dropped.Load())
	}
	if int64(report.Requests) != server.requests.Load() {
		t.Errorf("%d requests counted, the server saw %d", report.Requests, server.requests.Load())
	}
	if report.Clean() || report.LongestOutageMS == 0 {
		t.Errorf("a run with losses looks clean: %+v", report)
	}
}

func TestCauses(t *testing.T) {
	for _, test := range []struct {
		cause  string
		handle func(*net.TCPConn) bool
	}{
		{"status 502", func(c *net.TCPConn) bool {
			io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			return true
		}},
		{"answer cut, closed without an answer", func(c *net.TCPConn) bool {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
			return false
		}},
		{"reset", func(c *net.TCPConn) bool { c.SetLinger(0); return false }},
		{"closed without an answer", func(c *net.TCPConn) bool { return false }},
	} {
		t.Run(test.cause, func(t *testing.T) {
			server := startRaw(t, func(_ int64, c *net.TCPConn) bool { return test.handle(c) })
			report := runAgainst(t, server.listener.Addr().String(), 20, func(c *Config) { c.RatePerSecond = 50 })
			if report.Failed != report.Requests || len(report.Causes) != 1 || report.Causes[0].Name != test.cause {
				t.Errorf("%d of %d failed, by %v", report.Failed, report.Requests, report.Causes)
			}
		})
	}
}

// Whoever does not answer in time has failed by that; on a busy machine also whoever
// could not be connected to in time.
func TestTimeout(t *testing.T) {
	server := startRaw(t, func(int64, *net.TCPConn) bool { <-t.Context().Done(); return false })
	config := Default("http://" + server.listener.Addr().String())
	config.Targets, config.CompareJournal = Paths("/"), false
	config.RatePerSecond, config.Timeout = 50, 300*time.Millisecond
	run, err := Start(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	timeouts := func() int {
		return len(slices.DeleteFunc(run.Samples(), func(s Sample) bool { return s.Cause != "timeout" }))
	}
	for timeouts() < 5 {
		time.Sleep(time.Millisecond)
	}
	for _, cause := range run.Stop().Causes {
		if cause.Name != "timeout" && cause.Name != "dial, timeout" {
			t.Errorf("%d failed by %s", cause.Count, cause.Name)
		}
	}
}

func TestRefused(t *testing.T) {
	report := runAgainst(t, freeAddress(t), 20, nil)
	if report.Failed != report.Requests || report.Causes[0].Name != "refused" {
		t.Errorf("%d of %d failed, by %v", report.Failed, report.Requests, report.Causes)
	}
}

// A connection that the server closes while it is idle is replaced, as every
// client does; nothing was lost.
func TestClosedIdleConnectionIsNotUsed(t *testing.T) {
	server := startRaw(t, func(_ int64, c *net.TCPConn) bool { ok(c); return false })
	p := &pool{endpoint: endpoint{address: server.listener.Addr().String(), host: "test"}}
	first, err := p.kept(time.Now().Add(patience))
	if err != nil {
		t.Fatal(err)
	}
	target := &Target{Method: "GET", Path: "/"}
	if _, reusable, err := first.exchange(endpoint{host: "test", headers: shopHeaders}, "1", target, "/", true); err != nil || !reusable {
		t.Fatalf("reusable %v, %v", reusable, err)
	}
	p.keep(first)
	for deadline := time.Now().Add(patience); first.open(); {
		if time.Now().After(deadline) {
			t.Fatal("the closed connection looks open")
		}
		time.Sleep(time.Millisecond)
	}
	second, err := p.kept(time.Now().Add(patience))
	if err != nil || second == first {
		t.Fatalf("the closed connection was used again (%v)", err)
	}
}

// A page's file is asked for as a browser does, and counts like the page.
func TestFollows(t *testing.T) {
	server := startRaw(t, func(_ int64, c *net.TCPConn) bool {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nApp-Version: v7\r\nContent-Length: 5\r\n\r\n/next")
		return true
	})
	report := runAgainst(t, server.listener.Addr().String(), 20, func(c *Config) {
		c.RatePerSecond = 50
		c.Headers = HeaderNames{Request: "App-Request", Version: "App-Version", Instance: "App-Instance"}
		c.Targets = []Target{{Name: "page", Weight: 1, Method: "GET", Path: "/",
			Follow: func(answer *Answer) *Target { return &Target{Name: "file", Method: "GET", Path: string(answer.Body)} }}}
	})
	counts := map[string]int{}
	for _, sample := range report.Samples() {
		counts[sample.Target]++
	}
	if counts["page"] == 0 || counts["file"] != counts["page"] || report.Failed > 0 || report.Served() != "v7" {
		t.Errorf("%v, %d failed, served by %q", counts, report.Failed, report.Served())
	}
}

// The rate does not sink when answers are slow: here none comes before 80 requests
// have arrived.
func TestOpenLoop(t *testing.T) {
	arrived := make(chan struct{})
	server := startRaw(t, func(n int64, c *net.TCPConn) bool {
		if n == 80 {
			close(arrived)
		}
		<-arrived
		time.Sleep(300 * time.Millisecond)
		return ok(c)
	})
	report := runAgainst(t, server.listener.Addr().String(), 80, func(c *Config) { c.RatePerSecond = 200 })
	if report.Requests < 80 || report.Failed > 0 || report.P50MS < 300 {
		t.Errorf("%d requests, %d failed, p50 %.0f ms", report.Requests, report.Failed, report.P50MS)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, address := range []string{"", "localhost:80", "https://localhost"} {
		if _, err := Start(context.Background(), Default(address)); err == nil || !strings.HasPrefix(err.Error(), "load: ") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestMixKeepsItsShares(t *testing.T) {
	m := newMix(ShopTargets(), 1)
	posts := 0
	for range 10_000 {
		if m.next().Method == "POST" {
			posts++
		}
	}
	if share := fmt.Sprintf("%.2f", float64(posts)/10_000); share < "0.18" || share > "0.22" {
		t.Errorf("%s of the requests are POST", share)
	}
}

func TestNoMoreOpenThanAllowed(t *testing.T) {
	release := make(chan struct{})
	server := startRaw(t, func(_ int64, connection *net.TCPConn) bool {
		<-release
		return ok(connection)
	})
	config := Default("http://" + server.listener.Addr().String())
	config.Targets, config.CompareJournal = []Target{{Name: "any", Weight: 1, Method: http.MethodGet, Path: "/"}}, false
	config.MaxOpen = 3
	run, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	for run.Snapshot().Unsent < 5 {
		time.Sleep(time.Millisecond)
	}
	if got := server.requests.Load(); got > 3 {
		t.Errorf("%d requests are open, at most 3 are allowed", got)
	}
	close(release)
	for len(run.Samples()) < 10 {
		time.Sleep(time.Millisecond)
	}
	if report := run.Stop(); report.Failed > 0 || report.Unsent < 5 {
		t.Errorf("%d failed, %d not sent", report.Failed, report.Unsent)
	}
}
