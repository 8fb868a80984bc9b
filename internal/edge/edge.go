package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"gapless/internal/edge/wire"
)

const (
	// lingerTime is how long clients are told to go before idle connections are closed:
	// a request that was on its way is still answered.
	lingerTime          = 600 * time.Millisecond
	defaultDrainMaxWait = 30 * time.Second
	sweepEvery          = time.Second
	// idleAfter is how long nothing must happen before memory is given back.
	idleAfter = 10 * time.Second
)

// Options are what an Edge needs to run.
type Options struct {
	// StateDirectory holds the sockets and the snapshot; it is made 0700 when missing.
	StateDirectory string
	Version        string
	Log            *slog.Logger
	// Inherited are listening sockets that were passed in; one that no project asks for
	// is kept open and unused.
	Inherited []net.Listener
	// AwaitAddresses says that somebody follows the containers: after a start, what was
	// loaded is unverified until they say where the targets are now.
	AwaitAddresses bool
	// DrainMaxWait bounds the stop: requests still running afterwards are cut (30 s).
	DrainMaxWait time.Duration

	// bootID and linger replace the host's values in tests.
	bootID string
	linger time.Duration
}

// Edge is the running data plane.
type Edge struct {
	log     *slog.Logger
	version string
	// awaitAddresses makes every start like one after a reboot.
	awaitAddresses bool
	drainMaxWait   time.Duration
	linger         time.Duration
	current        atomic.Pointer[snapshot]
	store          *store
	files          *files
	listeners      *listeners
	clients        clients
	// leaving makes each answer end its connection; closing ends idle connections too.
	leaving, closing atomic.Bool
}

// New prepares an edge; nothing is opened before Run.
func New(options Options) *Edge {
	e := &Edge{
		log: options.Log, version: options.Version, store: newStore(),
		files:        &files{directory: options.StateDirectory, bootID: options.bootID},
		drainMaxWait: options.DrainMaxWait, linger: options.linger, awaitAddresses: options.AwaitAddresses,
	}
	if e.files.bootID == "" {
		e.files.bootID = bootID()
	}
	if e.linger <= 0 {
		e.linger = lingerTime
	}
	if e.drainMaxWait <= 0 {
		e.drainMaxWait = defaultDrainMaxWait
	}
	e.listeners = &listeners{edge: e, byKey: map[string]*listener{}, inherited: options.Inherited}
	e.clients.open = map[*client]struct{}{}
	e.current.Store(&snapshot{superseded: make(chan struct{})})
	return e
}

// Run serves until the context ends, then leaves in order.
func (e *Edge) Run(ctx context.Context) error {
	if err := os.MkdirAll(e.files.directory, 0o700); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	controlSocket, err := listenPrivate(filepath.Join(e.files.directory, wire.ControlSocketName))
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	defer controlSocket.Close()
	probeSocket, err := listenPrivate(filepath.Join(e.files.directory, wire.ProbeSocketName))
	if err != nil {
		return fmt.Errorf("probe socket: %w", err)
	}
	e.restore(e.files.load())
	probes := &listener{key: "probe", probe: true}
	e.listeners.accepting.Add(1)
	go e.listeners.accept(probes, probeSocket)
	server := &http.Server{Handler: e.control(), ReadHeaderTimeout: headMaxWait, ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(controlSocket) }()
	e.log.Info("edge is running", "version", e.version, "state", e.files.directory)
	err = e.sweep(ctx, failed)
	probeSocket.Close()
	e.leave()
	server.Close()
	return err
}

// listenPrivate opens a socket that only its owner can reach.
func listenPrivate(path string) (net.Listener, error) {
	socket, err := listen("unix", path)
	if err != nil {
		return nil, err
	}
	return socket, os.Chmod(path, 0o600)
}

// sweep closes idle connections in time until the edge has to stop.
func (e *Edge) sweep(ctx context.Context, failed <-chan error) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	active, released := time.Now(), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return fmt.Errorf("control socket: %w", err)
		case now := <-ticker.C:
			if e.trimPools(now) || e.clients.count() > 0 {
				active, released = now, false
			} else if !released && now.Sub(active) > idleAfter {
				debug.FreeOSMemory()
				released = true
			}
		}
	}
}

// trimPools tells whether a target is in use.
func (e *Edge) trimPools(now time.Time) (busy bool) {
	e.store.mu.Lock()
	targets := make([]*target, 0, len(e.store.targets))
	for _, t := range e.store.targets {
		targets = append(targets, t)
	}
	e.store.mu.Unlock()
	for _, t := range targets {
		t.pool.trim(now)
		busy = busy || t.inFlight() > 0
	}
	return busy
}

// leave stops without losing a request: what the kernel has accepted is served, each
// answer tells its client to go, idle connections are closed only after lingerTime,
// and requests in flight may end within the drain time.
func (e *Edge) leave() {
	until := time.Now().Add(e.drainMaxWait)
	e.leaving.Store(true)
	e.listeners.leave()
	time.Sleep(min(e.linger, e.drainMaxWait))
	e.closing.Store(true)
	for e.clients.count() > 0 && time.Now().Before(until) {
		e.clients.wake()
		time.Sleep(10 * time.Millisecond)
	}
	if cut := e.clients.count(); cut > 0 {
		e.log.Warn("cutting connections that are still open", "connections", cut)
		e.clients.abort()
	}
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	for _, t := range e.store.targets {
		t.pool.closeAll()
	}
	for _, h := range e.store.holds {
		h.stop()
	}
}
