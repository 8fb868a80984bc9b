package edge

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"gapless/internal/edge/http1"
)

const (
	copyBuffer = 16 << 10
	// spliceFrom is the size from which a body is moved inside the kernel.
	spliceFrom = 64 << 10
	// spliceStep is moved between two looks at the deadlines.
	spliceStep = 512 << 10
	// spliceMaxWait is for one step; a step slower than spliceSlow is the last one.
	spliceMaxWait = time.Hour
	spliceSlow    = 2 * time.Second
)

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// relayInformational passes a 1xx on: a 100 only to a client that waits for it.
func (c *client) relayInformational() error {
	p := &c.response
	wanted := c.request.Minor == 1
	if p.Status == 100 {
		wanted = c.request.ExpectContinue && c.exchange.upload != nil
	}
	if !wanted {
		return nil
	}
	c.out = c.appendResponse(c.out[:0], http1.NoBody)
	return c.send(c.out)
}

// relay brings the final answer to the client.
func (c *client) relay() outcome {
	x := &c.exchange
	p := &c.response
	x.status = p.Status
	if p.Status == 101 {
		return c.relayUpgrade()
	}
	if isEventStream(p) {
		x.choice.target.tunnels.Add(1)
		defer x.choice.target.tunnels.Add(-1)
	}
	x.up.silence = x.service.limits.streamMaxSilence
	x.up.gone = c.gone
	c.answered.Start(x.up.in, p.Framing, p.Length)
	framing := p.Framing
	if framing == http1.Chunked || framing == http1.UntilClose {
		framing = http1.Chunked
		if c.request.Minor == 0 {
			framing = http1.UntilClose
		}
	}
	x.keep = c.request.KeepAlive && framing != http1.UntilClose && !c.edge.leaving.Load() &&
		(x.upload == nil || x.upload.settled())
	c.out = c.appendResponse(c.out[:0], framing)
	switch framing {
	case http1.NoBody:
		return c.sent(c.send(c.out))
	case http1.Length:
		return c.relayLength()
	}
	return c.relayStream(framing == http1.Chunked)
}

// sent ends an answer whose last bytes were written.
func (c *client) sent(err error) outcome {
	c.exchange.answering = true
	if err != nil {
		c.exchange.cause = causeClientGone
		return failed
	}
	return answered
}

// cut ends an answer that the application did not finish. The client must be able to
// tell, so its connection is going to be reset.
func (c *client) cut(err error) outcome {
	x := &c.exchange
	x.answering = true
	switch {
	case x.upload != nil && x.upload.clientFailed(err):
		x.cause = x.upload.cause()
	case errors.Is(err, errClientGone):
		x.cause = causeClientGone
	case errors.Is(err, errSilence):
		x.cause = causeTimeout
	case isNetwork(err):
		x.cause = causeTruncated
	default:
		x.cause = causeBadAnswer
	}
	return failed
}

// relayLength sends the head together with what came with it, then the rest.
func (c *client) relayLength() outcome {
	if rest, ok := c.answered.Whole(); ok {
		c.out = append(c.out, rest...)
		c.exchange.up.in.Discard(len(rest))
		c.answered.Took(int64(len(rest)))
		return c.sent(c.send(c.out))
	}
	first := c.exchange.up.in.Buffered()
	c.out = append(c.out, first...)
	c.exchange.up.in.Discard(len(first))
	c.answered.Took(int64(len(first)))
	if err := c.send(c.out); err != nil {
		return c.sent(err)
	}
	if c.answered.Remaining() >= spliceFrom {
		if ended, done := c.relaySplice(); done {
			return ended
		}
	}
	return c.relayCopy()
}

func (c *client) relayCopy() outcome {
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	for {
		n, err := c.answered.Read(buffer[:])
		if n > 0 {
			if err := c.send(buffer[:n]); err != nil {
				return c.sent(err)
			}
		}
		if err == io.EOF {
			return c.sent(nil)
		}
		if err != nil {
			return c.cut(err)
		}
	}
}

// relaySplice lets the kernel move a long body between two TCP sockets. It hands over
// to relayCopy when the application pauses or the client is slow, and only then: after
// any other error bytes may be lost in the pipe between the sockets.
func (c *client) relaySplice() (outcome, bool) {
	to, ok := c.conn.(*net.TCPConn)
	from, ok2 := c.exchange.up.Conn.(*net.TCPConn)
	if !ok || !ok2 {
		return answered, false
	}
	up := c.exchange.up
	for c.answered.Remaining() > 0 {
		c.write.ensure(spliceMaxWait, to.SetWriteDeadline)
		began := up.read.ensure(silenceStep, from.SetReadDeadline)
		n, err := to.ReadFrom(&io.LimitedReader{R: from, N: min(c.answered.Remaining(), spliceStep)})
		c.answered.Took(n)
		switch {
		case c.answered.Finished():
		case err != nil && errors.Is(err, os.ErrDeadlineExceeded) && c.write.early(),
			n > 0 && time.Since(began) > spliceSlow:
			up.read, c.write = lazyDeadline{}, lazyDeadline{}
			return answered, false
		case err != nil && c.gone():
			return c.sent(errClientGone), true
		case err != nil:
			return c.cut(err), true
		case n == 0:
			return c.cut(io.ErrUnexpectedEOF), true
		}
	}
	return c.sent(nil), true
}

// relayStream passes on an answer of unknown length, each piece at once. The head
// goes out with what is there already; it never waits for a first piece.
func (c *client) relayStream(chunked bool) outcome {
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	read := c.answered.ReadBuffered
	for {
		n, err := read(buffer[http1.ChunkHead : copyBuffer-http1.ChunkTail])
		if err != nil && err != io.EOF {
			return c.cut(c.flushBefore(buffer, n, chunked, err))
		}
		if n > 0 {
			c.out = appendPiece(c.out, buffer, n, chunked)
		}
		if err == io.EOF {
			if chunked {
				c.out = http1.AppendLastChunk(c.out, c.answered.Trailers)
			}
			return c.sent(c.send(c.out))
		}
		if err := c.send(c.out); err != nil {
			return c.sent(err)
		}
		c.out = c.out[:0]
		read = c.answered.Read
	}
}

// flushBefore delivers what came before a cut.
func (c *client) flushBefore(buffer *[copyBuffer]byte, n int, chunked bool, err error) error {
	if n > 0 {
		c.out = appendPiece(c.out, buffer, n, chunked)
	}
	c.send(c.out)
	return err
}

func appendPiece(b []byte, buffer *[copyBuffer]byte, n int, chunked bool) []byte {
	if chunked {
		return append(b, http1.FrameChunk(buffer[:], n)...)
	}
	return append(b, buffer[http1.ChunkHead:http1.ChunkHead+n]...)
}
