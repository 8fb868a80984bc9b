package health

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gapless/internal/update"
)

var shopTarget = Target{Service: "api", URL: "http://127.0.0.1/health/"}

// monitorFor lets a monitor ask a fake for a time and returns the figures.
func monitorFor(t *testing.T, duration time.Duration, request func(since time.Duration) (int, error)) Figures {
	t.Helper()
	begin := time.Now()
	m := startMonitor(t.Context(), []Target{shopTarget}, func(ctx context.Context, _ Target) (int, error) {
		return request(time.Since(begin))
	})
	time.Sleep(duration / 2)
	m.Mark(PhaseDuring)
	time.Sleep(duration / 2)
	return m.Stop()
}

func TestMonitorMeasuresTheGap(t *testing.T) {
	broken := errors.New("connection refused")
	for name, test := range map[string]struct {
		from, to time.Duration
		gap      time.Duration
		failures int64
	}{
		"none":          {0, 0, 0, 0},
		"one request":   {1010 * time.Millisecond, 1060 * time.Millisecond, 100 * time.Millisecond, 1},
		"half a second": {1010 * time.Millisecond, 1510 * time.Millisecond, 550 * time.Millisecond, 10},
		"from start":    {0, 290 * time.Millisecond, 300 * time.Millisecond, 6},
		"to the end":    {3520 * time.Millisecond, time.Hour, 510 * time.Millisecond, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				figures := monitorFor(t, 4010*time.Millisecond, func(since time.Duration) (int, error) {
					if since >= test.from && since < test.to {
						return 0, broken
					}
					return 200, nil
				})
				if figures.Gap != test.gap || figures.Failures != test.failures || figures.Probes != 81 {
					t.Errorf("gap %s, %d of %d failed", figures.Gap, figures.Failures, figures.Probes)
				}
			})
		})
	}
}

// A held request is late, not lost; one that is never answered is lost.
func TestMonitorAndHeldRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		figures := monitorFor(t, 4*time.Second, func(since time.Duration) (int, error) {
			if since >= time.Second && since < 3*time.Second {
				time.Sleep(time.Until(begin.Add(3 * time.Second)))
			}
			return 200, nil
		})
		if figures.Gap != 0 || figures.Failures != 0 {
			t.Errorf("%+v", figures)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		m := startMonitor(t.Context(), []Target{shopTarget}, func(ctx context.Context, _ Target) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		time.Sleep(5 * time.Second)
		if figures := m.Stop(); figures.Gap != 5*time.Second || figures.Failures != monitorInFlight {
			t.Errorf("%+v", figures)
		}
	})
	// A busy machine answers late, also what was asked just before the end.
	synctest.Test(t, func(t *testing.T) {
		m := startMonitor(t.Context(), []Target{shopTarget}, func(ctx context.Context, _ Target) (int, error) {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(4 * time.Second):
				return 200, nil
			}
		})
		time.Sleep(8 * time.Second)
		figures := m.Stop()
		if figures.Failures != 0 || figures.Gap != 0 || figures.Probes < 2*monitorInFlight {
			t.Errorf("%+v", figures)
		}
	})
}

func TestMonitorPhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		figures := monitorFor(t, 4*time.Second, func(since time.Duration) (int, error) {
			if since >= 2*time.Second {
				time.Sleep(30 * time.Millisecond)
			}
			return 200, nil
		})
		var receipt update.Receipt
		figures.Fill(&receipt)
		if *receipt.P95BeforeMillis != 0 || *receipt.P95DuringMillis != 30 || receipt.P95AfterMillis != nil || *receipt.GapMillis != 0 {
			t.Errorf("%+v", receipt)
		}
	})
	var receipt update.Receipt
	Figures{}.Fill(&receipt)
	if receipt.Probes != nil || receipt.GapMillis != nil {
		t.Error("a figure that was not measured is not null")
	}
}

func TestGoodAnswer(t *testing.T) {
	for _, test := range []struct {
		status, usual int
		good          bool
	}{{200, 200, true}, {302, 200, true}, {401, 401, true}, {404, 200, false}, {503, 503, false}, {500, 200, false}} {
		if good(test.status, test.usual) != test.good {
			t.Errorf("%d, usually %d", test.status, test.usual)
		}
	}
}

// Each probe is a new visitor, also over TLS and through a unix socket.
func TestMonitorOnRealSockets(t *testing.T) {
	var mu sync.Mutex
	connections := map[string]bool{}
	seen := make(chan string, 10_000)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.Host+" "+r.RemoteAddr] = true
		seen <- r.Host
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	socket := filepath.Join(t.TempDir(), "edge.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	local := httptest.NewUnstartedServer(handler)
	local.Listener = listener
	local.Start()
	defer local.Close()
	m := StartMonitor(t.Context(), []Target{
		{Service: "a", URL: plain.URL}, {Service: "b", URL: secure.URL, Host: "shop.example:443"},
		{Service: "c", URL: "http://shop.example/", Socket: socket},
	})
	// Few enough are under way at the same time that the first four have ended.
	counts := map[string]int{}
	for done := 0; done < 3; {
		host := <-seen
		if counts[host]++; counts[host] == 4+monitorInFlight {
			done++
		}
	}
	figures := m.Stop()
	for _, of := range figures.Targets {
		if of.Probes < 3 || of.Failures != 0 {
			t.Errorf("%s: %d of %d failed", of.Target.Service, of.Failures, of.Probes)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(connections) < 6 || !connections["shop.example @"] {
		t.Errorf("connections %v", connections)
	}
}

// A page in the middle is a gap. One that was there from the start is none: nobody was
// served before, so the update took nothing away.
func TestMonitorAndPages(t *testing.T) {
	for name, test := range map[string]struct {
		from, to                         time.Duration
		probes, failures, skipped, paged int64
		gap                              time.Duration
	}{
		"in the middle": {1010 * time.Millisecond, 1510 * time.Millisecond, 81, 10, 0, 10, 550 * time.Millisecond},
		"at the start":  {0, 510 * time.Millisecond, 70, 0, 11, 11, 0},
		"all the time":  {0, time.Hour, 0, 0, 81, 81, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				figures := monitorFor(t, 4010*time.Millisecond, func(since time.Duration) (int, error) {
					if since >= test.from && since < test.to {
						return 503, errPage
					}
					return 200, nil
				})
				if figures.Gap != test.gap || figures.Failures != test.failures || figures.Probes != test.probes ||
					figures.Skipped != test.skipped || figures.Paged != test.paged {
					t.Errorf("%+v", figures)
				}
			})
		})
	}
}

// The edge says which answers are pages.
func TestMonitorKnowsAPage(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Gapless-Cause", strings.TrimPrefix(r.URL.Path, "/"))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	for path, want := range map[string]bool{"/maintenance": true, "/hold_timeout": false} {
		if _, err := requestOnce(t.Context(), Target{URL: server.URL + path}); errors.Is(err, errPage) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestReached: what a front did not answer did not get to the edge behind it.
func TestReached(t *testing.T) {
	f := Figures{Probes: 30, Failures: 7, Targets: []TargetFigures{
		{Target: Target{Front: true}, Probes: 10, Failures: 4}, {Probes: 20, Failures: 3},
	}}
	if got := f.Reached(); got != 26 {
		t.Errorf("%d reached the edge, want 26", got)
	}
}

// While versions are compared, the monitor asks a twentieth as often, and tells how
// many of the requests are its own.
func TestSlowMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var status atomic.Int64
		status.Store(200)
		m := startMonitor(t.Context(), []Target{{Service: "api"}}, func(context.Context, Target) (int, error) { return int(status.Load()), nil })
		time.Sleep(10*time.Second + monitorEvery/2)
		synctest.Wait()
		often := m.Asked()["api"].Answered
		m.Slow(true)
		status.Store(503)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		after := m.Asked()["api"]
		if rare := after.Answered - often; often < 190 || rare < 9 || rare > 11 || after.Failed != rare {
			t.Errorf("%d requests in 10 s, then %d, %d of them failed", often, rare, after.Failed)
		}
		m.Slow(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if again := m.Asked()["api"].Answered - after.Answered; again < 19 {
			t.Errorf("%d requests in a second", again)
		}
		m.Stop()
	})
}
