package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// WebSocket opcodes and the "going away" close code of RFC 6455.
const (
	frameText  = 0x1
	frameClose = 0x8
	framePing  = 0x9
	framePong  = 0xA

	closeGoingAway = 1001
	frameLimit     = 1 << 16 // bytes; the echo needs no more
)

// socket echoes text messages. When the process is told to stop it says
// "going away", so that the client reconnects and reaches the next version.
func (a *api) socket(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if key == "" || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		http.Error(w, "this is a WebSocket", http.StatusUpgradeRequired)
		return
	}
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer connection.Close()
	fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\nShop-Version: %s\r\nShop-Instance: %s\r\n\r\n", acceptKey(key), version, instance())
	a.sockets.Add(1)
	defer a.sockets.Done()
	a.echo(connection, buffered.Reader)
}

func acceptKey(key string) string {
	digest := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, section 1.3
	return base64.StdEncoding.EncodeToString(digest[:])
}

func (a *api) echo(connection net.Conn, reader *bufio.Reader) {
	var writing sync.Mutex
	send := func(opcode byte, payload []byte) error {
		writing.Lock()
		defer writing.Unlock()
		return writeFrame(connection, opcode, payload)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ended:
		case <-a.stopping.Done():
			send(frameClose, binary.BigEndian.AppendUint16(nil, closeGoingAway))
			// The client's own close frame, or this deadline, ends the loop below.
			connection.SetReadDeadline(time.Now().Add(2 * time.Second))
		}
	}()
	for {
		opcode, payload, err := readFrame(reader)
		if err != nil {
			return
		}
		switch opcode {
		case frameText:
			err = send(frameText, payload)
		case framePing:
			err = send(framePong, payload)
		case frameClose:
			send(frameClose, payload)
			return
		}
		if err != nil {
			return
		}
	}
}

// readFrame reads one masked client frame; fragments are not needed here.
func readFrame(reader *bufio.Reader) (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(reader, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		var long [2]byte
		_, err = io.ReadFull(reader, long[:])
		size = uint64(binary.BigEndian.Uint16(long[:]))
	case 127:
		return 0, nil, errors.New("frame is too long")
	}
	if err != nil || size > frameLimit || head[1]&0x80 == 0 {
		return 0, nil, errors.Join(errors.New("frame is not acceptable"), err)
	}
	var mask [4]byte
	if _, err := io.ReadFull(reader, mask[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(reader, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, payload, nil
}

// writeFrame writes one unmasked server frame in a single call.
func writeFrame(writer io.Writer, opcode byte, payload []byte) error {
	frame := []byte{0x80 | opcode}
	if len(payload) < 126 {
		frame = append(frame, byte(len(payload)))
	} else {
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(len(payload)))
	}
	_, err := writer.Write(append(frame, payload...))
	return err
}
