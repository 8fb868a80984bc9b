package edge

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"gapless/internal/edge/http1"
)

const (
	// dialMaxWait is for one attempt. On one host a connection is made or refused
	// within a millisecond; longer means a full queue or a vanished address.
	dialMaxWait = 1500 * time.Millisecond
	// silenceStep is how often a request that waits long looks after its client.
	silenceStep = 3 * time.Second
	writeStep   = 2 * time.Minute
)

var (
	errSilence    = errors.New("no answer in time")
	errClientGone = errors.New("client is gone")
)

// upstream is one connection to a target.
type upstream struct {
	net.Conn
	raw    syscall.RawConn
	in     *http1.Reader
	target *target
	// idleSince is when it went into the pool; used means that it carried a request.
	idleSince time.Time
	used      bool
	read      lazyDeadline
	write     lazyDeadline
	// silence is how long the application may say nothing.
	silence time.Duration
	// gone tells that nobody waits for the answer; nil means that it does not matter.
	gone func() bool
}

func dial(ctx context.Context, t *target) (*upstream, error) {
	dialer := net.Dialer{Timeout: dialMaxWait}
	conn, err := dialer.DialContext(ctx, "tcp", t.key.address)
	if err != nil {
		return nil, err
	}
	u := &upstream{Conn: conn, raw: rawOf(conn), target: t}
	u.in = http1.NewReader(u)
	return u, nil
}

// Read waits for the application, at most the allowed silence, and gives up earlier
// when the client has gone.
func (u *upstream) Read(p []byte) (int, error) {
	began := u.read.ensure(min(silenceStep, u.silence), u.Conn.SetReadDeadline)
	for {
		n, err := u.Conn.Read(p)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		now := time.Now()
		left := u.silence - now.Sub(began)
		if left <= 0 {
			return 0, errSilence
		}
		if u.gone != nil && u.gone() {
			return 0, errClientGone
		}
		u.read.until = now.Add(min(left, silenceStep))
		u.Conn.SetReadDeadline(u.read.until)
	}
}

// Write hands bytes to the kernel. An application that takes none for writeStep is dead.
func (u *upstream) Write(p []byte) (int, error) {
	return writeWithProgress(u.Conn, &u.write, p)
}

func (u *upstream) Close() error {
	err := u.Conn.Close()
	if u.in != nil {
		u.in.Free()
		u.in = nil
	}
	return err
}

// writeWithProgress writes all of p and gives up only when a whole step passed
// without one byte taken, so a slow reader is not mistaken for a dead one.
func writeWithProgress(conn net.Conn, deadline *lazyDeadline, p []byte) (int, error) {
	written := 0
	for {
		deadline.ensure(writeStep, conn.SetWriteDeadline)
		n, err := conn.Write(p[written:])
		written += n
		if err == nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
	}
}
