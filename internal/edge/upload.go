package edge

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"gapless/internal/edge/http1"
)

// lastPieceMaxWait is how long an answer waits for the body's last piece to be taken.
const lastPieceMaxWait = 20 * time.Millisecond

// upload copies a request body to the application beside the wait for the answer, so
// that an application may answer before it has read everything.
type upload struct {
	to   *upstream
	done chan struct{}
	// last is set once the client's whole body was read.
	last atomic.Bool
	// readErr is the client's fault, writeErr the application's. Both are set before done.
	readErr, writeErr error
}

func startUpload(c *client, to *upstream) *upload {
	u := &upload{to: to, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		defer c.survive()
		u.copy(c, to)
		if u.readErr != nil && u.readErr != errStopped {
			// The application must not take the cut body for a whole one, and nobody
			// needs its answer.
			abort(to.Conn)
		}
	}()
	return u
}

func (u *upload) copy(c *client, to *upstream) {
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	chunked := c.request.Framing == http1.Chunked
	for {
		if !chunked && u.splice(c, to) {
			return
		}
		n, err := c.body.Read(buffer[http1.ChunkHead : copyBuffer-http1.ChunkTail])
		piece := buffer[http1.ChunkHead : http1.ChunkHead+n]
		if chunked && n > 0 {
			piece = http1.FrameChunk(buffer[:], n)
		}
		if err == io.EOF {
			u.last.Store(true)
			if chunked {
				piece = http1.AppendLastChunk(piece, c.body.Trailers)
			}
		}
		if len(piece) > 0 {
			if _, u.writeErr = to.Write(piece); u.writeErr != nil {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			u.readErr = err
			return
		}
	}
}

// splice moves a long body inside the kernel; true means that the copy has ended. It
// may hand over to the plain copy only after a read ran out of time: after any other
// error bytes may be lost in the pipe between the sockets.
func (u *upload) splice(c *client, to *upstream) bool {
	from, ok := c.conn.(*net.TCPConn)
	target, ok2 := to.Conn.(*net.TCPConn)
	for ok && ok2 && len(c.in.Buffered()) == 0 && c.body.Remaining() >= spliceFrom {
		c.read.ensure(clientSilence, from.SetReadDeadline)
		to.write.ensure(spliceMaxWait, target.SetWriteDeadline)
		if c.stopped.Load() {
			u.readErr = errStopped
			return true
		}
		n, err := target.ReadFrom(&io.LimitedReader{R: from, N: min(c.body.Remaining(), spliceStep)})
		c.body.Took(n)
		switch {
		case c.body.Finished():
			u.last.Store(true)
			return true
		case err == nil && n == 0:
			u.readErr = io.ErrUnexpectedEOF
			return true
		case err != nil && errors.Is(err, os.ErrDeadlineExceeded) && to.write.early():
			c.read, to.write = lazyDeadline{}, lazyDeadline{}
			return false
		case err != nil && c.gone():
			u.readErr = err
			return true
		case err != nil:
			u.writeErr = err
			return true
		}
	}
	return false
}

func (u *upload) ended() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// settled waits for the end of a body that was read completely; false means that the
// application answers while the client still sends.
func (u *upload) settled() bool {
	if u.last.Load() {
		select {
		case <-u.done:
		case <-time.After(lastPieceMaxWait):
		}
	}
	return u.complete()
}

// complete tells that the whole body reached the application.
func (u *upload) complete() bool { return u.ended() && u.readErr == nil && u.writeErr == nil }

// clientFailed tells that the body ended too early or broke the grammar. The copy
// closes the application's connection then, which is seen as the given error first.
func (u *upload) clientFailed(err error) bool {
	if errors.Is(err, net.ErrClosed) {
		<-u.done
	}
	return u.ended() && u.readErr != nil && u.readErr != errStopped
}

func (u *upload) cause() cause {
	if isNetwork(u.readErr) {
		return causeClientGone
	}
	return causeBadRequest
}

// end stops a copy that still waits for the client, or for an application that
// answered and reads no more, and waits for it.
func (u *upload) end(c *client) {
	if !u.ended() {
		c.stop()
		u.to.Conn.Close()
		<-u.done
	}
}
