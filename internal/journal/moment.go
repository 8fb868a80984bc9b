package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// bootID names the current boot of the kernel; empty if it does not say.
func bootID() string {
	content, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// machineID names this machine without giving its machine-id away, as
// machine-id(5) asks for; empty if it has none.
func machineID() string {
	content, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(strings.TrimSpace(string(content))) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte("gapless journal " + strings.TrimSpace(string(content))))
	return hex.EncodeToString(sum[:8])
}

// sinceBootNanos is a clock that nobody can set.
func sinceBootNanos() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return now.Nano()
}
