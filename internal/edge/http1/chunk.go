package http1

import (
	"bytes"
	"errors"
	"io"
)

// ErrChunk means that a chunked body breaks the grammar.
var ErrChunk = errors.New("invalid chunked body")

const (
	maxChunkLine = 512
	// maxChunkOverhead bounds framing bytes that carry no data, so that a body of
	// one-byte chunks with long extensions cannot cost more than it is worth.
	maxChunkOverhead = 16 << 10
)

// readChunked gathers as much as is buffered, so that many small chunks become one.
func (b *Body) readChunked(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		if b.remaining == 0 {
			if total > 0 && !b.lineBuffered() {
				return total, nil
			}
			if err := b.advance(); err != nil {
				return total, err
			}
			continue
		}
		if total > 0 && len(b.in.Buffered()) == 0 {
			return total, nil
		}
		n, err := b.readSome(p[total:])
		total += n
		b.overhead = max(0, b.overhead-int64(2*n))
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// lineBuffered tells whether the next chunk can be begun without blocking.
func (b *Body) lineBuffered() bool {
	buffered := b.in.Buffered()
	if b.inChunk {
		if len(buffered) < 2 {
			return false
		}
		buffered = buffered[2:]
	}
	return bytes.IndexByte(buffered, '\n') >= 0
}

// advance goes to the next data byte. It can be repeated after errWouldBlock.
func (b *Body) advance() error {
	if b.inTrailers {
		return b.readTrailers()
	}
	if b.inChunk {
		if err := b.endChunk(); err != nil {
			return err
		}
	}
	line, err := b.in.line(maxChunkLine)
	if err != nil {
		return chunkError(err)
	}
	b.overhead += int64(len(line)) - 16
	if b.overhead = max(b.overhead, 0); b.overhead > maxChunkOverhead {
		return ErrChunk
	}
	if b.remaining, err = chunkSize(line); err != nil {
		return err
	}
	if b.remaining == 0 {
		b.inTrailers = true
		return b.readTrailers()
	}
	b.inChunk = true
	return nil
}

func (b *Body) endChunk() error {
	for len(b.in.Buffered()) < 2 {
		if err := b.in.Fill(); err != nil {
			return unexpected(err)
		}
	}
	if end := b.in.Buffered(); end[0] != '\r' || end[1] != '\n' {
		return ErrChunk
	}
	b.in.Discard(2)
	b.inChunk = false
	return nil
}

// readTrailers returns io.EOF behind the last line.
func (b *Body) readTrailers() error {
	for {
		line, err := b.in.line(MaxHead)
		if err != nil {
			return chunkError(err)
		}
		if len(line) == 0 {
			b.finished = true
			return io.EOF
		}
		field, err := parseField(line)
		if err != nil {
			return ErrChunk
		}
		if len(b.Trailers)+len(line) > MaxHead {
			return ErrHeadTooLarge
		}
		// A trailer must not change framing, routing or anything that was decided on.
		if field.Known == Other {
			b.Trailers = AppendField(b.Trailers, field.Name, field.Value)
		}
	}
}

func chunkError(err error) error {
	if err == ErrLineTooLong || err == ErrBareLineFeed {
		return ErrChunk
	}
	return err
}

// chunkSize parses "1a3f;extension". Extensions are checked and dropped.
func chunkSize(line []byte) (int64, error) {
	digits := line
	if semicolon := bytes.IndexByte(line, ';'); semicolon >= 0 {
		digits = trim(line[:semicolon])
		if !all(line[semicolon:], valueChar) {
			return 0, ErrChunk
		}
	}
	if len(digits) == 0 || len(digits) > 15 {
		return 0, ErrChunk
	}
	var size int64
	for _, c := range digits {
		digit := hexDigit(c)
		if digit < 0 {
			return 0, ErrChunk
		}
		size = size<<4 | int64(digit)
	}
	return size, nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// ChunkHead is the room that FrameChunk needs in front of the data, ChunkTail behind.
const (
	ChunkHead = 10
	ChunkTail = 2
)

// FrameChunk turns buffer[ChunkHead:ChunkHead+n] into a chunk without moving it and
// returns the framed bytes. The buffer must have ChunkTail bytes to spare.
func FrameChunk(buffer []byte, n int) []byte {
	const digits = "0123456789abcdef"
	at := ChunkHead
	at--
	buffer[at] = '\n'
	at--
	buffer[at] = '\r'
	for size := n; ; size >>= 4 {
		at--
		buffer[at] = digits[size&15]
		if size < 16 {
			break
		}
	}
	copy(buffer[ChunkHead+n:], "\r\n")
	return buffer[at : ChunkHead+n+ChunkTail]
}

// AppendLastChunk ends a chunked body.
func AppendLastChunk(b, trailers []byte) []byte {
	b = append(b, "0\r\n"...)
	b = append(b, trailers...)
	return append(b, "\r\n"...)
}
