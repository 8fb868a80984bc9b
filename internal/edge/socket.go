package edge

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lazyDeadline keeps a socket's deadline at least a given time ahead, and moves it
// only when it must: most requests then cost no timer at all.
type lazyDeadline struct{ until time.Time }

// ensure returns the present time, which it had to ask for anyway.
func (d *lazyDeadline) ensure(wait time.Duration, set func(time.Time) error) time.Time {
	now := time.Now()
	if left := d.until.Sub(now); left < wait || left > 2*wait {
		d.until = now.Add(wait + wait/2)
		set(d.until)
	}
	return now
}

// early tells that a socket woke before its deadline, so somebody else moved it.
func (d *lazyDeadline) early() bool { return time.Now().Before(d.until) }

// poll asks the kernel about a socket without waiting.
func poll(raw syscall.RawConn, events int16) (returned int16) {
	raw.Control(func(fd uintptr) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
		if n, err := unix.Poll(fds[:], 0); n > 0 && err == nil {
			returned = fds[0].Revents
		}
	})
	return returned
}

// reset tells whether the peer is gone for good. A half-close is not: such a client
// still waits for its answer.
func reset(raw syscall.RawConn) bool {
	return poll(raw, 0)&(unix.POLLERR|unix.POLLHUP) != 0
}

// readable tells whether a read would return at once.
func readable(raw syscall.RawConn) bool { return poll(raw, unix.POLLIN) != 0 }

// quiet tells whether an idle connection is still open and has nothing to say.
func quiet(raw syscall.RawConn) bool {
	alive := false
	raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		alive = err == unix.EAGAIN
	})
	return alive
}

// rawOf returns the descriptor access of a socket; every socket of the edge has one.
func rawOf(conn net.Conn) syscall.RawConn {
	if access, ok := conn.(syscall.Conn); ok {
		if raw, err := access.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// abort closes so that the peer sees an error and never a clean end.
func abort(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
