package load

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// connection speaks HTTP/1.1, one request at a time, without retries.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

// pool keeps idle connections, the newest on top.
type pool struct {
	endpoint endpoint
	mutex    sync.Mutex
	idle     []*connection
}

// maxIdle bounds what is kept after a burst of slow answers.
const maxIdle = 128

func (p *pool) dial(deadline time.Time) (*connection, error) {
	dialer := net.Dialer{Deadline: deadline}
	raw, err := dialer.Dial("tcp", p.endpoint.address)
	if err != nil {
		return nil, &dialError{err}
	}
	return &connection{Conn: raw, reader: bufio.NewReaderSize(raw, 16<<10)}, nil
}

// kept returns an idle connection that the server has not closed, or a new
// one. A connection that was closed while idle is no loss: every client looks.
// One that is closed after the look is a loss, since nothing is sent twice.
func (p *pool) kept(deadline time.Time) (*connection, error) {
	for {
		p.mutex.Lock()
		if len(p.idle) == 0 {
			p.mutex.Unlock()
			return p.dial(deadline)
		}
		last := len(p.idle) - 1
		c := p.idle[last]
		p.idle = p.idle[:last]
		p.mutex.Unlock()
		if c.open() {
			return c, nil
		}
		c.Close()
	}
}

func (p *pool) keep(c *connection) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.idle) >= maxIdle {
		c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

func (p *pool) close() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
}

// open looks at the socket without reading from it.
func (c *connection) open() bool {
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil || c.reader.Buffered() > 0 {
		return false
	}
	alive := false
	err = raw.Read(func(descriptor uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(descriptor), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		alive = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && alive
}

// exchange sends one request and reads the whole answer. reusable is false
// when the server asked to close.
func (c *connection) exchange(to endpoint, id string, target *Target, path string, keep bool) (answer *Answer, reusable bool, err error) {
	var body []byte
	if target.Body != nil {
		body = target.Body(id)
	}
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: gapless-load\r\n%s: %s\r\n",
		target.Method, path, to.host, to.headers.Request, id)
	if target.Method != http.MethodGet {
		head = fmt.Appendf(head, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	if !keep {
		head = append(head, "Connection: close\r\n"...)
	}
	head = append(head, "\r\n"...)
	if _, err := c.Write(append(head, body...)); err != nil {
		return nil, false, err
	}
	response, err := readAnswer(c.reader, target.Method)
	if err != nil {
		return nil, false, err
	}
	defer response.Body.Close()
	answer = &Answer{Status: response.StatusCode, Header: response.Header, Sent: body}
	answer.Body, err = io.ReadAll(response.Body)
	if err != nil {
		return answer, false, &cutError{err}
	}
	return answer, keep && !response.Close, nil
}

// readAnswer skips interim answers.
func readAnswer(reader *bufio.Reader, method string) (*http.Response, error) {
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
}
