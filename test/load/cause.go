package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// dialError is a connection that could not be made: the request was not sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return "dial: " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// cutError is an answer that began and did not end.
type cutError struct{ err error }

func (e *cutError) Error() string { return "answer cut: " + e.err.Error() }
func (e *cutError) Unwrap() error { return e.err }

// statusError is an answer outside of 2xx.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

// contentError is a 2xx answer with the wrong content.
type contentError struct{ err error }

func (e *contentError) Error() string { return "wrong content: " + e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// causeOf puts a failure into one of a few classes, for counting.
func causeOf(err error) string {
	var dial *dialError
	var cut *cutError
	var status *statusError
	var content *contentError
	prefix := ""
	switch {
	case errors.As(err, &status):
		return fmt.Sprintf("status %d", status.status)
	case errors.As(err, &content):
		return "wrong content"
	case errors.As(err, &cut):
		prefix = "answer cut, "
	case errors.As(err, &dial):
		prefix = "dial, "
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return prefix + "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return prefix + "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return prefix + "closed without an answer"
	}
	return prefix + "other"
}
