package http1

import (
	"errors"
	"io"
)

// Body reads the body of one message. The zero Body is finished.
type Body struct {
	in      *Reader
	framing Framing
	// remaining counts what is left of the body, or of the present chunk.
	remaining int64
	overhead  int64
	inChunk   bool
	// inTrailers is set behind the last chunk.
	inTrailers bool
	finished   bool
	// Trailers are the header lines behind a chunked body, ready to be written.
	Trailers []byte
}

// Start begins the body that follows the head just read.
func (b *Body) Start(in *Reader, framing Framing, length int64) {
	*b = Body{in: in, framing: framing, remaining: length, Trailers: b.Trailers[:0]}
	if framing == Chunked {
		b.remaining = 0
	}
	b.finished = framing == NoBody || (framing == Length && length == 0)
}

// Finished tells that the body was read to its clean end.
func (b *Body) Finished() bool { return b.finished }

// Remaining is what is left of a body with a known length.
func (b *Body) Remaining() int64 { return b.remaining }

// Took notes n bytes of a body with a known length that were moved past the Reader.
func (b *Body) Took(n int64) {
	b.remaining -= n
	b.finished = b.remaining == 0
}

// Whole returns the complete body when all of it is buffered already.
func (b *Body) Whole() ([]byte, bool) {
	if b.finished {
		return nil, true
	}
	if b.framing != Length || int64(len(b.in.Buffered())) < b.remaining {
		return nil, false
	}
	return b.in.Buffered()[:b.remaining], true
}

// Read fills p with body bytes. It returns io.EOF at the clean end, which may come
// together with the last bytes, and io.ErrUnexpectedEOF when the message is cut.
func (b *Body) Read(p []byte) (int, error) {
	if b.finished {
		return 0, io.EOF
	}
	switch b.framing {
	case Length:
		n, err := b.readSome(p)
		if b.remaining == 0 {
			b.finished = true
			return n, io.EOF
		}
		return n, err
	case UntilClose:
		return b.readRest(p)
	}
	return b.readChunked(p)
}

// ReadBuffered is Read without waiting for the peer: it returns 0 and no error when
// nothing can be had yet.
func (b *Body) ReadBuffered(p []byte) (int, error) {
	source := b.in.source
	b.in.source = blocked{}
	n, err := b.Read(p)
	b.in.source = source
	if err == errWouldBlock {
		err = nil
	}
	return n, err
}

var errWouldBlock = errors.New("nothing buffered")

type blocked struct{}

func (blocked) Read([]byte) (int, error) { return 0, errWouldBlock }

// readSome reads at most remaining bytes, the buffered ones first.
func (b *Body) readSome(p []byte) (int, error) {
	if int64(len(p)) > b.remaining {
		p = p[:b.remaining]
	}
	n, err := b.raw(p)
	b.remaining -= int64(n)
	return n, unexpected(err)
}

func (b *Body) raw(p []byte) (int, error) {
	if buffered := b.in.Buffered(); len(buffered) > 0 {
		n := copy(p, buffered)
		b.in.Discard(n)
		return n, nil
	}
	n, err := b.in.source.Read(p)
	if n > 0 {
		return n, nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}

func (b *Body) readRest(p []byte) (int, error) {
	n, err := b.raw(p)
	b.finished = err == io.EOF
	return n, err
}
