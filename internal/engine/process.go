package engine

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// signalHeld signals a process of this host. It is held on to before still
// tells whether it is the one that is meant: a signal to whoever got its number
// since would hit a stranger. One that is gone is unix.ESRCH.
func signalHeld(ctx context.Context, pid int, number unix.Signal, still func(context.Context) (bool, error)) error {
	held, err := unix.PidfdOpen(pid, 0)
	canHold := !errors.Is(err, unix.ENOSYS) // older kernels cannot
	if err != nil && canHold {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	if canHold {
		defer unix.Close(held)
	}
	meant, err := still(ctx)
	if err != nil {
		return err
	}
	if !meant {
		return fmt.Errorf("process %d is over: %w", pid, unix.ESRCH)
	}
	if canHold {
		return unix.PidfdSendSignal(held, number, nil, 0)
	}
	return unix.Kill(pid, number)
}
