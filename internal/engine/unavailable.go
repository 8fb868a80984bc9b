package engine

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/moby/moby/client"
)

// Unavailable tells whether an error says that the engine does not answer, as
// while it is being restarted: the same request can succeed a moment later.
func Unavailable(err error) bool {
	var network *net.OpError
	return client.IsErrConnectionFailed(err) || errors.As(err, &network) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
