package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Target is a public address that a monitor asks.
type Target struct {
	Service string
	URL     string // as users reach it
	Host    string // Host header; empty: that of the URL
	Socket  string // unix socket to connect to; empty: the URL's address
	// Front says that a front answers there, which passes requests on to the
	// edge: what it does not answer did not get that far.
	Front bool
}

// Answers tells whether users are served at an address now.
func Answers(ctx context.Context, target Target) bool {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	status, err := requestOnce(ctx, target)
	return err == nil && good(status, status)
}

// Phase is a part of a run, for figures that are compared.
type Phase string

// The phases of a monitor.
const (
	PhaseBefore Phase = "before"
	PhaseDuring Phase = "during"
	PhaseAfter  Phase = "after"
)

// The pace of a monitor. A request can be held by the edge, so it may take
// long; few enough wait at the same time not to be a load of their own.
const (
	monitorEvery    = 50 * time.Millisecond
	monitorTimeout  = 35 * time.Second
	monitorInFlight = 16
	monitorPatience = 10 * time.Second // that Stop has with what is under way
	answerPatience  = 2 * time.Second
	monitorSlowly   = 20      // of so many ticks one is used when it is slow
	maxSamples      = 500_000 // seven hours of one target
)

// Monitor asks public addresses all the time and remembers how they answer.
type Monitor struct {
	targets []Target
	request func(ctx context.Context, target Target) (status int, err error)
	enough  context.CancelFunc // ends the sending
	cancel  context.CancelFunc // ends also what is under way
	running sync.WaitGroup
	mu      sync.Mutex
	phase   Phase
	begin   time.Time
	end     time.Time
	samples [][]sample // by target
	usual   []int      // the first status that each target answered
	skipped int64      // answers with the page of a maintenance that was on before
	paged   int64      // all answers with a page
	asked   map[string]Asked
	slow    atomic.Bool
}

// sample is one request, placed at the time when it was sent.
type sample struct {
	sent  time.Time
	took  time.Duration
	ok    bool
	phase Phase
}

// StartMonitor starts in PhaseBefore. Stop must be called.
func StartMonitor(ctx context.Context, targets []Target) *Monitor {
	return startMonitor(ctx, targets, requestOnce)
}

func startMonitor(ctx context.Context, targets []Target, request func(context.Context, Target) (int, error)) *Monitor {
	ctx, cancel := context.WithCancel(ctx)
	sending, enough := context.WithCancel(ctx)
	m := &Monitor{
		targets: targets, request: request, enough: enough, cancel: cancel, phase: PhaseBefore, begin: time.Now(),
		samples: make([][]sample, len(targets)), usual: make([]int, len(targets)), asked: map[string]Asked{},
	}
	for i := range targets {
		m.running.Go(func() { m.watch(sending, ctx, i) })
	}
	return m
}

// Mark starts the next phase.
func (m *Monitor) Mark(phase Phase) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phase = phase
}

// Stop sends no more probes and returns the figures. Those under way get their
// answers, unless that takes longer than ten seconds: then they have failed.
func (m *Monitor) Stop() Figures {
	m.mu.Lock()
	if m.end.IsZero() {
		m.end = time.Now()
	}
	m.mu.Unlock()
	m.enough()
	patience := time.AfterFunc(monitorPatience, m.cancel)
	m.running.Wait()
	patience.Stop()
	m.cancel()
	return m.Figures()
}

// watch sends at a fixed pace, whether the answers come or not: a probe that
// waits for the one before would see less the worse it gets.
func (m *Monitor) watch(sending, ctx context.Context, index int) {
	ticker := time.NewTicker(monitorEvery)
	defer ticker.Stop()
	slots := make(chan struct{}, monitorInFlight)
	for tick := 0; ; tick++ {
		if m.slow.Load() && tick%monitorSlowly != 0 {
			select {
			case <-sending.Done():
				return
			case <-ticker.C:
				continue
			}
		}
		select {
		case <-sending.Done():
			return
		case slots <- struct{}{}:
			m.running.Go(func() {
				defer func() { <-slots }()
				m.probe(ctx, index)
			})
		default:
		}
		select {
		case <-sending.Done():
			return
		case <-ticker.C:
		}
	}
}

// probe asks once and keeps the result.
func (m *Monitor) probe(ctx context.Context, index int) {
	m.mu.Lock()
	result := sample{sent: time.Now(), phase: m.phase}
	m.mu.Unlock()
	request, cancel := context.WithTimeout(ctx, monitorTimeout)
	defer cancel()
	status, err := m.request(request, m.targets[index])
	result.took = time.Since(result.sent)
	m.mu.Lock()
	defer m.mu.Unlock()
	if errors.Is(err, errPage) {
		m.paged++
		if m.usual[index] == 0 {
			m.skipped++ // nobody was served before: a gap cannot begin
			return
		}
	}
	if err == nil && m.usual[index] == 0 {
		m.usual[index] = status
	}
	m.count(m.targets[index].Service, status)
	result.ok = err == nil && good(status, m.usual[index])
	if len(m.samples[index]) < maxSamples {
		m.samples[index] = append(m.samples[index], result)
	}
}

// good tells whether users are served. A page that asks for a login all the
// time serves them; one that starts to do so may not.
func good(status, usual int) bool {
	return status >= 200 && status < 400 || status == usual && status < 500
}

// requestOnce asks on a fresh connection, as a new visitor does.
func requestOnce(ctx context.Context, target Target) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.URL, nil)
	if err != nil {
		return 0, fmt.Errorf("monitor %s: %w", target.Service, err)
	}
	if target.Host != "" {
		req.Host = target.Host
	}
	req.Header.Set("User-Agent", "gapless-monitor")
	transport := freshTransport(func(ctx context.Context, network, address string) (net.Conn, error) {
		if target.Socket != "" {
			network, address = "unix", target.Socket
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})
	defer transport.CloseIdleConnections()
	// The monitor tells nothing and believes nothing: it only looks whether
	// something answers, also at an address that the certificate does not name.
	transport.TLSClientConfig = &tls.Config{ServerName: req.URL.Hostname(), InsecureSkipVerify: true}
	if target.Host != "" {
		transport.TLSClientConfig.ServerName = hostName(target.Host)
	}
	response, err := transport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxBodyBytes)); err != nil {
		return response.StatusCode, err
	}
	if response.Header.Get(causeHeader) == causePage {
		return response.StatusCode, errPage
	}
	return response.StatusCode, nil
}

// causeHeader and causePage are how the edge marks its maintenance page.
const (
	causeHeader = "Gapless-Cause"
	causePage   = "maintenance"
)

// errPage is an answer of the edge that says that nobody is served.
var errPage = errors.New("the maintenance page")

// hostName strips the port of a Host header.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
