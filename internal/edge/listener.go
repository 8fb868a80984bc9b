package edge

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gapless/internal/edge/wire"
)

const (
	bindPause       = 2 * time.Millisecond
	bindPauseLater  = 250 * time.Millisecond
	bindImpatience  = 60 * time.Second
	defaultBindWait = 60 * time.Second
)

// listener is one listening socket, wanted by one or more projects.
type listener struct {
	key, network, address string
	// probe makes requests go to the target that they name.
	probe   bool
	trusted atomic.Pointer[[]netip.Prefix]
	mu      sync.Mutex
	socket  net.Listener
	state   string
	failure error
	// routed says that a snapshot in force has routes for it. Until then connections
	// wait in the kernel's queue: an answer without routes would be a wrong one.
	routed, unwanted bool
}

func listenerKey(network, address string) string { return network + "!" + address }

func (l *listener) trustedPrefixes() []netip.Prefix {
	if prefixes := l.trusted.Load(); prefixes != nil {
		return *prefixes
	}
	return nil
}

// listen opens the socket. A stale unix socket is replaced only when nobody answers on
// it, and nothing that is not a socket is ever removed.
func listen(network, address string) (net.Listener, error) {
	if network != "unix" {
		return net.Listen(network, address)
	}
	if found, err := os.Lstat(address); err == nil {
		if found.Mode().Type() != fs.ModeSocket {
			return nil, fmt.Errorf("%s exists and is not a socket", address)
		}
		if conn, err := net.Dial("unix", address); err == nil {
			conn.Close()
			return nil, fmt.Errorf("%s is served by another process", address)
		}
		os.Remove(address)
	}
	socket, err := net.Listen("unix", address)
	if err != nil {
		return nil, err
	}
	// The path stays when the descriptor is handed on; it is removed explicitly.
	socket.(*net.UnixListener).SetUnlinkOnClose(false)
	return socket, nil
}

// listeners is the table of sockets. Only a change that no longer wants a socket
// closes it; a changed route, target or weight never comes near.
type listeners struct {
	edge  *Edge
	mu    sync.Mutex
	byKey map[string]*listener
	// inherited are sockets that were passed in and are not in use yet.
	inherited []net.Listener
	accepting sync.WaitGroup
}

// ensure opens what is missing. With wait, a taken address is tried again in the
// background; otherwise the first failure undoes what was opened and is returned.
func (t *listeners) ensure(wanted []wire.Listener, wait bool, maxWait time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var opened []*listener
	for _, w := range wanted {
		key := listenerKey(w.Network, w.Address)
		if present := t.byKey[key]; present != nil && present.serves(wait) {
			continue
		}
		l := &listener{key: key, network: w.Network, address: w.Address}
		err := t.open(l)
		if err != nil && !wait {
			for _, undo := range opened {
				t.drop(undo)
			}
			return fmt.Errorf("listen on %s: %w", w.Address, err)
		}
		if previous := t.byKey[key]; previous != nil {
			previous.close()
		}
		t.byKey[key] = l
		opened = append(opened, l)
		if err != nil {
			go t.retry(l, maxWait)
		}
	}
	return nil
}

// serves tells whether the listener needs no new attempt.
func (l *listener) serves(wait bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == wire.ListenerServing || (wait && l.state == wire.ListenerWaiting)
}

func (t *listeners) open(l *listener) error {
	socket := t.adopt(l)
	if socket == nil {
		var err error
		if socket, err = listen(l.network, l.address); err != nil {
			l.note(wire.ListenerWaiting, err)
			return err
		}
	}
	if l.network == "unix" {
		// The directory decides who may connect: a web server's user has to.
		os.Chmod(l.address, 0o666)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unwanted {
		socket.Close()
		return nil
	}
	l.socket, l.state, l.failure = socket, wire.ListenerServing, nil
	if l.routed {
		t.begin(l)
	}
	return nil
}

// begin accepts from the listener's socket.
func (t *listeners) begin(l *listener) {
	t.accepting.Add(1)
	go t.accept(l, l.socket)
}

// route lets a listener that a snapshot in force has routes for accept connections.
func (t *listeners) route(l *listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.routed {
		return
	}
	l.routed = true
	if l.socket != nil {
		t.begin(l)
	}
}

func (l *listener) note(state string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.failure = state, err
}

// retry binds as soon as the present owner lets go of the address.
func (t *listeners) retry(l *listener, maxWait time.Duration) {
	began := time.Now()
	for {
		pause := bindPause
		if time.Since(began) > bindImpatience {
			pause = bindPauseLater
		}
		time.Sleep(pause)
		if l.isUnwanted() || t.edge.leaving.Load() {
			return
		}
		t.mu.Lock()
		err := t.open(l)
		t.mu.Unlock()
		if err == nil {
			t.edge.log.Info("listening", "address", l.address)
			return
		}
		if maxWait > 0 && time.Since(began) > maxWait {
			l.note(wire.ListenerFailed, err)
			t.edge.log.Error("cannot listen", "address", l.address, "error", err)
			return
		}
	}
}

func (l *listener) isUnwanted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unwanted
}

// close ends a listener for good.
func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unwanted = true
	if l.socket != nil {
		l.socket.Close()
		if l.network == "unix" {
			os.Remove(l.address)
		}
	}
}

func (t *listeners) drop(l *listener) {
	delete(t.byKey, l.key)
	l.close()
}

// keepOnly closes the sockets that no project of the snapshot in force wants any more,
// and lets the others accept.
func (t *listeners) keepOnly(wanted map[string][]netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, l := range t.byKey {
		prefixes, ok := wanted[key]
		if !ok {
			t.drop(l)
			continue
		}
		l.trusted.Store(&prefixes)
		t.route(l)
	}
}

func (t *listeners) states() []wire.ListenerState {
	t.mu.Lock()
	defer t.mu.Unlock()
	states := make([]wire.ListenerState, 0, len(t.byKey))
	for _, l := range t.byKey {
		l.mu.Lock()
		s := wire.ListenerState{Network: l.network, Address: l.address, State: l.state}
		if l.failure != nil {
			s.Error = l.failure.Error()
		}
		l.mu.Unlock()
		states = append(states, s)
	}
	return states
}
