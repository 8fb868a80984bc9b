package edge

import (
	"context"
	"errors"
	"io"
	"time"

	"gapless/internal/edge/http1"
)

// maxRepeats bounds how often a safe request is repeated after connections that
// ended without one byte of an answer.
const maxRepeats = 3

// maxInformational bounds the 1xx heads before one answer.
const maxInformational = 32

// attempt sends the request to the claimed target and brings the answer back. The
// claim is held until the last byte was handed to the client.
func (c *client) attempt() outcome {
	x := &c.exchange
	whole, buffered := c.body.Whole()
	if !c.connect(buffered) {
		return retryConnect
	}
	c.out = c.appendRequest(c.out[:0], buffered)
	c.out = append(c.out, whole...)
	reused := x.up.used
	x.up.used = true
	c.response.Status = 0
	n, err := x.up.Write(c.out)
	if err != nil && n == 0 {
		// Not one byte reached the kernel, so the application cannot have seen any.
		return c.lost(causeWrite, true)
	}
	if !buffered {
		x.upload = startUpload(c, x.up)
	}
	if err := c.awaitAnswer(); err != nil {
		return c.unanswered(err, buffered, reused)
	}
	if buffered {
		c.in.Discard(len(whole))
	}
	ended := c.relay()
	c.release(ended)
	return ended
}

// connect takes an idle connection that is fit for this request, or makes a new one.
func (c *client) connect(buffered bool) bool {
	x := &c.exchange
	t := x.choice.target
	x.up = nil
	if !x.fresh && !x.probe {
		x.up = t.pool.take(time.Now(), buffered && c.request.Idempotent())
	}
	if x.up == nil {
		up, err := dial(context.Background(), t)
		if err != nil {
			x.cause = causeDial
			t.suspect(time.Now())
			return false
		}
		t.trust()
		x.up = up
	}
	x.up.silence = x.service.limits.responseMaxWait
	x.up.gone = nil
	if c.request.Safe() {
		x.up.gone = c.gone
	}
	return true
}

// lost ends an attempt whose connection broke before an answer.
func (c *client) lost(why cause, repeat bool) outcome {
	x := &c.exchange
	x.cause = why
	x.up.Close()
	x.up = nil
	if repeat && x.retries < maxRepeats && !x.probe {
		return retryRequest
	}
	return failed
}

// awaitAnswer reads heads until the final one, passing 1xx on.
func (c *client) awaitAnswer() error {
	x := &c.exchange
	for range maxInformational {
		head, err := x.up.in.ReadHead()
		if err != nil {
			return err
		}
		if err := c.response.Parse(head, string(c.request.Method) == "HEAD"); err != nil {
			return err
		}
		if c.response.Status >= 200 || c.response.Status == 101 {
			return nil
		}
		if err := c.relayInformational(); err != nil {
			return errClientGone
		}
		x.up.in.Finish()
	}
	return http1.ErrStatusLine
}

// unanswered decides what an attempt without an answer means. Once a byte of an
// answer was seen nothing is ever repeated; without one, a request is repeated when
// the application cannot tell the difference.
func (c *client) unanswered(err error, buffered, reused bool) outcome {
	x := &c.exchange
	if x.upload != nil && x.upload.clientFailed(err) {
		c.lost(x.upload.cause(), false)
		return failed
	}
	nothing := len(x.up.in.Buffered()) == 0 && !x.answering && c.response.Status == 0
	switch {
	case errors.Is(err, errClientGone):
		return c.lost(causeClientGone, false)
	case errors.Is(err, errSilence):
		return c.lost(causeTimeout, false)
	case !isNetwork(err):
		return c.lost(causeBadAnswer, false)
	case !nothing:
		return c.lost(causeTruncated, false)
	}
	if reused && err == io.EOF {
		x.choice.target.pool.learnClose(time.Since(x.up.idleSince), time.Now())
	}
	repeat := buffered && (c.request.Safe() || reused && c.request.Idempotent())
	return c.lost(causeRead, repeat)
}

// release pools the connection when both sides agree that it is clean.
func (c *client) release(ended outcome) {
	x := &c.exchange
	up := x.up
	x.up = nil
	if up == nil {
		return
	}
	if x.upload != nil {
		x.upload.end(c)
	}
	clean := ended == answered && !x.tunnelled && c.response.KeepAlive && c.answered.Finished() &&
		(x.upload == nil || x.upload.complete()) && len(up.in.Buffered()) == 0
	if !clean || x.probe {
		up.Close()
		return
	}
	t := x.choice.target
	if c.response.IdleSeconds > 0 {
		t.pool.learnTimeout(c.response.IdleSeconds)
	}
	up.in.Finish()
	up.gone = nil
	up.idleSince = time.Now()
	t.pool.put(up, t)
}
