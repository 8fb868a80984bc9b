package edge

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// firstInherited is where systemd puts passed descriptors, see sd_listen_fds(3).
const firstInherited = 3

// ErrInherited means that LISTEN_FDS names something that is no listening socket.
var ErrInherited = errors.New("inherited descriptor is not a listening socket")

// Inherited returns the listening sockets passed by socket activation.
func Inherited() ([]net.Listener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 0 {
		return nil, fmt.Errorf("LISTEN_FDS %q is not a number", os.Getenv("LISTEN_FDS"))
	}
	var sockets []net.Listener
	for fd := firstInherited; fd < firstInherited+count; fd++ {
		syscall.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "inherited")
		socket, err := net.FileListener(file)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("%w: descriptor %d: %w", ErrInherited, fd, err)
		}
		if unix, ok := socket.(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false)
		}
		sockets = append(sockets, socket)
	}
	return sockets, nil
}

// adopt takes a socket that was passed in for the same address.
func (t *listeners) adopt(l *listener) net.Listener {
	for i, socket := range t.inherited {
		if sameAddress(l, socket.Addr()) {
			t.inherited = append(t.inherited[:i:i], t.inherited[i+1:]...)
			return socket
		}
	}
	return nil
}

func sameAddress(l *listener, passed net.Addr) bool {
	if passed.Network() != l.network {
		return false
	}
	if l.network == "unix" {
		return passed.String() == filepath.Clean(l.address)
	}
	wanted, err := net.ResolveTCPAddr("tcp", l.address)
	have, ok := passed.(*net.TCPAddr)
	if err != nil || !ok || wanted.Port != have.Port {
		return false
	}
	anyWanted := wanted.IP == nil || wanted.IP.IsUnspecified()
	return anyWanted && have.IP.IsUnspecified() || wanted.IP.Equal(have.IP)
}
