package edge

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

const tunnelBuffer = 4 << 10

// relayUpgrade hands both connections over to the protocol that the application
// switched to. Nothing of it passes before the 101, and the request counts as in
// flight until both directions have ended.
func (c *client) relayUpgrade() outcome {
	x := &c.exchange
	p := &c.response
	if len(c.request.UpgradeTo) == 0 || !bytes.EqualFold(p.UpgradeTo, c.request.UpgradeTo) {
		x.cause = causeBadAnswer
		return failed
	}
	x.tunnelled = true
	c.out = c.appendResponse(c.out[:0], p.Framing)
	c.out = append(c.out, x.up.in.Buffered()...)
	x.up.in.Discard(len(x.up.in.Buffered()))
	if err := c.send(c.out); err != nil {
		return c.sent(err)
	}
	t := x.choice.target
	t.tunnels.Add(1)
	defer t.tunnels.Add(-1)
	c.tunnel()
	return answered
}

// tunnel copies both ways until both have ended. The end of one direction is passed
// on; an error in one ends the other.
func (c *client) tunnel() {
	x := &c.exchange
	v := &tunnel{silence: x.service.limits.streamMaxSilence}
	v.heard.Store(time.Now().UnixNano())
	c.conn.SetDeadline(time.Time{})
	x.up.Conn.SetDeadline(time.Time{})
	early := append([]byte(nil), c.in.Buffered()...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer c.survive()
		if _, err := x.up.Conn.Write(early); err != nil {
			abort(c.conn)
			return
		}
		v.copy(x.up.Conn, c.conn)
	}()
	v.copy(c.conn, x.up.Conn)
	<-done
	c.conn.Close()
	x.up.Conn.Close()
}

type tunnel struct {
	silence time.Duration
	// heard is when either side last sent, in unix nanoseconds: a tunnel with traffic
	// in one direction is alive.
	heard atomic.Int64
}

func (v *tunnel) copy(to, from net.Conn) {
	buffer := make([]byte, tunnelBuffer)
	for {
		from.SetReadDeadline(time.Unix(0, v.heard.Load()).Add(v.silence))
		n, err := from.Read(buffer)
		if n > 0 {
			v.heard.Store(time.Now().UnixNano())
			to.SetWriteDeadline(time.Now().Add(v.silence))
			if _, err := to.Write(buffer[:n]); err != nil {
				abort(from)
				return
			}
			continue
		}
		switch {
		case err == io.EOF:
			closeWrite(to)
			return
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Since(time.Unix(0, v.heard.Load())) < v.silence:
			continue
		case err != nil:
			abort(to)
			abort(from)
			return
		}
	}
}
