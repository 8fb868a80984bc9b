package edge

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// firstInherited is where systemd puts passed descriptors, see sd_listen_fds(3).
const firstInherited = 3

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
