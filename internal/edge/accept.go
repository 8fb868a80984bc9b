package edge

import (
	"errors"
	"net"
	"os"
	"time"
)

const (
	acceptPauseFirst = 5 * time.Millisecond
	acceptPauseLast  = 500 * time.Millisecond
)

// accept serves connections until the socket is closed. Running out of descriptors is
// waited out: the connections stay in the kernel's queue.
func (t *listeners) accept(l *listener, socket net.Listener) {
	defer t.accepting.Done()
	pause := acceptPauseFirst
	for {
		conn, err := socket.Accept()
		if err == nil {
			pause = acceptPauseFirst
			go t.edge.serve(conn, l)
			continue
		}
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		t.edge.log.Warn("accept failed", "address", l.address, "error", err)
		time.Sleep(pause)
		pause = min(2*pause, acceptPauseLast)
	}
}

// leave empties the kernel's queues of accepted connections, then closes the sockets.
// The files of unix sockets stay: a successor may listen on them already.
func (t *listeners) leave() {
	t.mu.Lock()
	for _, l := range t.byKey {
		l.mu.Lock()
		if until, ok := l.socket.(interface{ SetDeadline(time.Time) error }); ok {
			until.SetDeadline(time.Now().Add(10 * acceptPauseFirst))
		}
		l.mu.Unlock()
	}
	t.mu.Unlock()
	t.accepting.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.byKey {
		l.mu.Lock()
		l.unwanted = true
		if l.socket != nil {
			l.socket.Close()
		}
		l.mu.Unlock()
	}
}
