package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// WebSocket opcodes of RFC 6455.
const (
	frameText  = 0x1
	frameClose = 0x8
	framePing  = 0x9
	framePong  = 0xA
)

// errClosing is a close frame: the server says that it goes, and the client
// is expected to connect again.
var errClosing = errors.New("the server closes")

// streamPause is the time between messages, and before another try to connect.
const streamPause = 100 * time.Millisecond

// keepSocket keeps one WebSocket open, sends a number each 100 ms and expects
// it back. After a close it connects again.
func (r *Run) keepSocket(ctx context.Context) {
	number := 0
	for ctx.Err() == nil {
		err := r.socketOnce(ctx, &number)
		if ctx.Err() != nil {
			return
		}
		r.update(func(s *StreamReport) {
			var dial *dialError
			var status *statusError
			switch {
			case errors.Is(err, errClosing):
				s.SocketCloses++
			case errors.As(err, &dial), errors.As(err, &status):
				s.SocketRefused++
			default:
				s.SocketCuts++
			}
			if !errors.Is(err, errClosing) {
				s.Problems = append(s.Problems, "websocket: "+err.Error())
			}
		})
		pause(ctx)
	}
}

func (r *Run) socketOnce(ctx context.Context, number *int) error {
	c, err := r.openStream(ctx, "/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	if err != nil {
		return err
	}
	defer c.Close()
	response, err := readAnswer(c.reader, http.MethodGet)
	if err != nil {
		return &dialError{err}
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return &statusError{response.StatusCode, "instead of 101"}
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	r.update(func(s *StreamReport) { s.SocketConnects++ })
	for {
		*number++
		if err := c.echo(strconv.Itoa(*number), r.config.Timeout); err != nil {
			return err
		}
		r.update(func(s *StreamReport) { s.Echoes++ })
		pause(ctx)
	}
}

// echo sends text and reads until it comes back.
func (c *connection) echo(text string, timeout time.Duration) error {
	c.SetDeadline(time.Now().Add(timeout))
	sendErr := c.sendFrame(frameText, []byte(text))
	for {
		// Read even when the write failed: the close frame that explains it
		// may be there.
		opcode, payload, err := c.readFrame()
		switch {
		case err != nil:
			return errors.Join(sendErr, err)
		case opcode == frameClose:
			c.sendFrame(frameClose, payload)
			return errClosing
		case opcode == framePing:
			c.sendFrame(framePong, payload)
		case opcode == frameText && string(payload) == text:
			return nil
		case opcode == frameText:
			return fmt.Errorf("sent %s, was answered %s", text, payload)
		}
	}
}

// sendFrame writes one short masked frame; the mask is zero, which is legal
// and changes nothing.
func (c *connection) sendFrame(opcode byte, payload []byte) error {
	frame := []byte{0x80 | opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}
	_, err := c.Write(append(frame, payload...))
	return err
}

func (c *connection) readFrame() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.reader, head[:]); err != nil {
		return 0, nil, err
	}
	size := int(head[1] & 0x7f)
	if size == 126 {
		var long [2]byte
		if _, err := io.ReadFull(c.reader, long[:]); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(long[:]))
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(c.reader, payload)
	return head[0] & 0x0f, payload, err
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(streamPause):
	}
}
