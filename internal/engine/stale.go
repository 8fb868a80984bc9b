package engine

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

// isStale tells whether a running container of the service sees another file
// than the host has under the path of the mount. A mount holds on to the file
// itself: whoever replaces it, as editors and git do, changes only what the
// host sees.
func (w *Workbench) isStale(file update.MountedFile, serviceName string, containers []update.Container) bool {
	if !isLocal(w.engine.host) {
		return false
	}
	return slices.ContainsFunc(containers, func(c update.Container) bool {
		return c.Service == serviceName && c.Running && c.PID > 0 && seesAnother(c.PID, file.Target, file.Source)
	})
}

// seesAnother compares a path of a process with one of the host. What cannot
// be seen does not differ.
func seesAnother(pid int, target, source string) bool {
	var here, there unix.Stat_t
	if unix.Stat(source, &here) != nil {
		return false
	}
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(root)
	// Links in the container lead to places in the container.
	seen, err := unix.Openat2(root, target, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err != nil {
		return false
	}
	defer unix.Close(seen)
	if unix.Fstat(seen, &there) != nil {
		return false
	}
	return here.Dev != there.Dev || here.Ino != there.Ino
}
