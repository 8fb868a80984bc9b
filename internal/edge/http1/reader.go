// Package http1 reads and writes HTTP/1.1 messages in place, strictly.
//
// It owns the grammar of RFC 9112: heads, framing, chunks, trailers and the
// hop-by-hop rules. What is ambiguous is refused, never guessed, because two parties
// that guess differently are how requests get smuggled. It must not know sockets,
// routes or time; a Reader reads from whatever it is given.
package http1

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// Sizes in bytes.
const (
	// SmallBuffer is what a connection without a request keeps.
	SmallBuffer = 4 << 10
	// MaxHead is the longest head accepted, request or response.
	MaxHead = 64 << 10
	// spaceAfterHead is what stays free behind a head for the body's framing.
	spaceAfterHead = 2 << 10
)

// Errors of reading a message.
var (
	ErrHeadTooLarge = errors.New("head too large")
	ErrLineTooLong  = errors.New("line too long")
)

var smallBuffers = sync.Pool{New: func() any { return new([SmallBuffer]byte) }}

// Reader buffers a connection's input. The head returned by ReadHead stays valid, in
// place, until Finish: body bytes are read behind it and never over it.
type Reader struct {
	source io.Reader
	buffer []byte
	// floor ends the region that a head occupies; next is the first unread byte; end
	// follows the last one.
	floor, next, end int
}

// NewReader returns a Reader with a small buffer.
func NewReader(source io.Reader) *Reader {
	r := &Reader{}
	r.Reset(source)
	return r
}

// Reset makes the Reader read from a new source.
func (r *Reader) Reset(source io.Reader) {
	r.source = source
	r.floor, r.next, r.end = 0, 0, 0
	if r.buffer == nil {
		r.buffer = smallBuffers.Get().(*[SmallBuffer]byte)[:]
	}
}

// Free gives the buffer back. Nothing read before may be used afterwards.
func (r *Reader) Free() {
	if len(r.buffer) == SmallBuffer {
		smallBuffers.Put((*[SmallBuffer]byte)(r.buffer))
	}
	r.buffer, r.source = nil, nil
}

// Buffered returns the bytes that were read and not consumed.
func (r *Reader) Buffered() []byte { return r.buffer[r.next:r.end] }

// Discard drops n buffered bytes.
func (r *Reader) Discard(n int) { r.next += n }

// Size is the memory that the buffer takes.
func (r *Reader) Size() int { return len(r.buffer) }

// Fill reads once more from the source. An error is returned only when no byte came.
func (r *Reader) Fill() error {
	if r.end == len(r.buffer) {
		r.makeRoom()
	}
	n, err := r.source.Read(r.buffer[r.end:])
	r.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

func (r *Reader) makeRoom() {
	if r.next > r.floor {
		r.end = r.floor + copy(r.buffer[r.floor:], r.buffer[r.next:r.end])
		r.next = r.floor
		return
	}
	// The old buffer may still be pointed into by a head, so it is left to the
	// garbage collector and not pooled.
	larger := make([]byte, 2*len(r.buffer))
	copy(larger, r.buffer[:r.end])
	r.buffer = larger
}

// ReadHead returns the next head up to and including its blank line. io.EOF means
// that the peer ended cleanly before the first byte.
func (r *Reader) ReadHead() ([]byte, error) {
	scanned := r.next
	for {
		if stop := headEnd(r.buffer[:r.end], scanned); stop > 0 {
			if stop-r.next > MaxHead {
				return nil, ErrHeadTooLarge
			}
			head := r.buffer[r.next:stop]
			r.next, r.floor = stop, stop
			r.reserve()
			return head, nil
		}
		if r.end-r.next > MaxHead {
			return nil, ErrHeadTooLarge
		}
		scanned = r.next + max(bytes.LastIndexByte(r.Buffered(), '\n'), 0)
		offset := scanned - r.next
		if err := r.Fill(); err != nil {
			if err == io.EOF && r.end > r.next {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		scanned = r.next + offset
	}
}

// reserve keeps room behind the head, so that later reads do not have to grow.
func (r *Reader) reserve() {
	if len(r.buffer)-r.floor >= spaceAfterHead {
		return
	}
	larger := make([]byte, len(r.buffer)+SmallBuffer)
	copy(larger, r.buffer[:r.end])
	r.buffer = larger
}

// headEnd returns the index behind the blank line, or -1. A bare line feed ends a
// line here, so that a sloppy head is seen and refused at once, not waited for.
func headEnd(b []byte, from int) int {
	for {
		feed := bytes.IndexByte(b[from:], '\n')
		if feed < 0 {
			return -1
		}
		from += feed + 1
		switch {
		case from < len(b) && b[from] == '\n':
			return from + 1
		case from+1 < len(b) && b[from] == '\r' && b[from+1] == '\n':
			return from + 2
		}
	}
}

// Finish ends the use of the present head; what was read beyond the message is kept.
func (r *Reader) Finish() {
	rest := r.buffer[r.next:r.end]
	if len(r.buffer) > 4*SmallBuffer && len(rest) <= SmallBuffer {
		r.buffer = smallBuffers.Get().(*[SmallBuffer]byte)[:]
	}
	r.end = copy(r.buffer, rest)
	r.next, r.floor = 0, 0
}

// line returns the next line without its CRLF. It stays valid until the next read.
func (r *Reader) line(limit int) ([]byte, error) {
	for {
		if feed := bytes.IndexByte(r.Buffered(), '\n'); feed >= 0 {
			whole := r.Buffered()[:feed+1]
			r.next += feed + 1
			if feed > limit {
				return nil, ErrLineTooLong
			}
			if feed == 0 || whole[feed-1] != '\r' {
				return nil, ErrBareLineFeed
			}
			return whole[:feed-1], nil
		}
		if r.end-r.next > limit {
			return nil, ErrLineTooLong
		}
		if err := r.Fill(); err != nil {
			return nil, unexpected(err)
		}
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
