package edge

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"gapless/internal/edge/http1"
)

const (
	// advertisedIdleSeconds is the keep-alive time told to clients. The edge closes
	// idleGrace later, so that a client that believes it never meets the close.
	advertisedIdleSeconds = 60
	idleGrace             = 15 * time.Second
	clientSilence         = advertisedIdleSeconds*time.Second + idleGrace
	headMaxWait           = 30 * time.Second
	lingerMaxWait         = 2 * time.Second
	lingerMaxBytes        = 1 << 20
	// A page is the answer to whatever was being sent, large uploads too: a person reads
	// it only if the connection is not reset.
	pageLingerMaxWait  = 10 * time.Second
	pageLingerMaxBytes = 64 << 20
)

var (
	errStopped  = errors.New("reading was stopped")
	errLeaving  = errors.New("the edge is leaving")
	errSlowHead = errors.New("head took too long")
)

// client is one accepted connection. One goroutine serves it; only a request body
// that does not fit the first read is copied by a second one.
type client struct {
	edge   *Edge
	origin *listener
	conn   net.Conn
	raw    syscall.RawConn
	in     *http1.Reader
	// peer is the address for X-Forwarded-For; empty when there is none.
	peer    string
	trusted bool
	read    lazyDeadline
	write   lazyDeadline
	// waiting is set while no byte of a next request has come.
	waiting atomic.Bool
	// stopped ends the reading of a request body that nobody wants any more.
	stopped   atomic.Bool
	headSince time.Time

	request  http1.Request
	response http1.Response
	body     http1.Body
	answered http1.Body
	exchange exchange
	out      []byte
}

func (e *Edge) serve(conn net.Conn, origin *listener) {
	c := &client{edge: e, origin: origin, conn: conn, raw: rawOf(conn)}
	c.identify()
	c.in = http1.NewReader(c)
	if !e.clients.add(c) {
		conn.Close()
		return
	}
	defer e.clients.remove(c)
	defer c.in.Free()
	defer c.conn.Close()
	defer c.survive()
	for c.next() {
		if !c.handle() {
			return
		}
		c.in.Finish()
	}
}

// survive ends only this connection when the code behind it is wrong.
func (c *client) survive() {
	if fault := recover(); fault != nil {
		c.edge.log.Error("connection ended by a fault", "fault", fault, "stack", string(debug.Stack()))
		abort(c.conn)
		if up := c.exchange.up; up != nil {
			abort(up.Conn)
		}
	}
}

func (c *client) identify() {
	if c.conn.RemoteAddr().Network() == "unix" {
		c.trusted = true
		return
	}
	address, err := netip.ParseAddrPort(c.conn.RemoteAddr().String())
	if err != nil {
		return
	}
	ip := address.Addr().Unmap()
	c.peer = ip.String()
	for _, prefix := range c.origin.trustedPrefixes() {
		c.trusted = c.trusted || prefix.Contains(ip)
	}
}

// Read reads from the client with the time-out of the present phase.
func (c *client) Read(p []byte) (int, error) {
	for {
		c.read.ensure(clientSilence, c.conn.SetReadDeadline)
		if err := c.interrupted(); err != nil {
			return 0, err
		}
		n, err := c.conn.Read(p)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if !c.read.early() {
			return 0, err
		}
		c.read = lazyDeadline{}
	}
}

// interrupted tells why reading must end although the client may still speak. A
// request whose first byte has arrived is served even by an edge that leaves.
func (c *client) interrupted() error {
	switch {
	case c.stopped.Load():
		return errStopped
	case c.waiting.Load() && c.edge.closing.Load() && !readable(c.raw):
		return errLeaving
	case !c.headSince.IsZero() && time.Since(c.headSince) > headMaxWait:
		return errSlowHead
	}
	return nil
}

// stop makes a pending read of the body return.
func (c *client) stop() {
	c.stopped.Store(true)
	c.conn.SetReadDeadline(time.Unix(1, 0))
}

// wake makes a client that waits for its next request notice that the edge closes.
func (c *client) wake() {
	if c.waiting.Load() {
		c.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// next waits for a request and parses its head; false means that the connection is over.
func (c *client) next() bool {
	if err := c.awaitFirstByte(); err != nil {
		if err == errLeaving {
			c.linger()
		}
		return false
	}
	head, err := c.in.ReadHead()
	c.headSince = time.Time{}
	if err == nil {
		if err = c.request.Parse(head); err == nil {
			return true
		}
	}
	c.refuseHead(err)
	return false
}

// awaitFirstByte also drops the blank lines that some clients send after a body.
func (c *client) awaitFirstByte() error {
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	for blank := 0; ; blank++ {
		for bytes.Equal(c.in.Buffered(), []byte("\r")) || len(c.in.Buffered()) == 0 {
			if err := c.in.Fill(); err != nil {
				return err
			}
		}
		if blank == 2 || !bytes.HasPrefix(c.in.Buffered(), []byte("\r\n")) {
			c.waiting.Store(false)
			c.headStarts()
			return nil
		}
		c.in.Discard(2)
	}
}

// headStarts limits the time for a head that did not come in one piece.
func (c *client) headStarts() {
	if !bytes.Contains(c.in.Buffered(), []byte("\r\n\r\n")) {
		c.headSince = time.Now()
		c.read.until = c.headSince.Add(headMaxWait)
		c.conn.SetReadDeadline(c.read.until)
	}
}

func (c *client) refuseHead(err error) {
	switch {
	case errors.Is(err, http1.ErrHeadTooLarge), errors.Is(err, http1.ErrTooManyField):
		c.refuse(431, causeBadRequest)
	case errors.Is(err, http1.ErrVersion):
		c.refuse(505, causeBadRequest)
	case errors.Is(err, http1.ErrTransferEncoding):
		c.refuse(501, causeBadRequest)
	case err == errSlowHead:
		c.refuse(408, causeBadRequest)
	case isNetwork(err):
		return
	default:
		c.refuse(400, causeBadRequest)
	}
	c.linger()
}

func isNetwork(err error) bool {
	var failed net.Error
	return err == io.EOF || err == io.ErrUnexpectedEOF || err == io.ErrNoProgress || errors.As(err, &failed)
}

// linger closes so that what was written arrives: unread input would turn the close
// into a reset, and a reset destroys answers that the client has not read yet.
func (c *client) linger() { c.lingerFor(lingerMaxWait, lingerMaxBytes) }

func (c *client) lingerFor(maxWait time.Duration, maxBytes int) {
	closeWrite(c.conn)
	c.conn.SetReadDeadline(time.Now().Add(maxWait))
	var sink [4096]byte
	for total := 0; total < maxBytes; {
		n, err := c.conn.Read(sink[:])
		total += n
		if err != nil {
			break
		}
	}
	c.conn.Close()
}

// send writes to the client.
func (c *client) send(p []byte) error {
	_, err := writeWithProgress(c.conn, &c.write, p)
	return err
}

// gone tells whether the client's end of the connection is closed for good.
func (c *client) gone() bool { return reset(c.raw) }
