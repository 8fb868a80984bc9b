package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Owner is who holds the lock. It is there for the message only: the lock
// itself is the kernel's.
type Owner struct {
	PID        int       `json:"pid"`
	StartTicks uint64    `json:"startTicks"` // of the process, in clock ticks since boot
	Boot       string    `json:"boot"`
	User       string    `json:"user"`
	Host       string    `json:"host"`
	Run        string    `json:"run,omitempty"`
	Command    string    `json:"command"`
	Tool       string    `json:"tool"`
	Since      time.Time `json:"since"`
}

// Self describes this process.
func Self(run, command, tool string) Owner {
	owner := Owner{PID: os.Getpid(), Boot: bootID(), Run: run, Command: command, Tool: tool, Since: time.Now()}
	owner.StartTicks, _ = startTicks(owner.PID)
	owner.Host, _ = os.Hostname()
	if current, err := user.Current(); err == nil {
		owner.User = current.Username
	}
	return owner
}

// String tells the facts in one line.
func (o Owner) String() string {
	text := fmt.Sprintf("%s, started %s by %s on %s (pid %d", quotePlain(o.Command), o.Since.Format(time.RFC3339),
		quotePlain(o.User), quotePlain(o.Host), o.PID)
	if o.Run != "" {
		text += ", run " + quotePlain(o.Run)
	}
	return text + ")"
}

// quotePlain quotes text that a terminal could take for a command.
func quotePlain(text string) string {
	if quoted := strconv.QuoteToGraphic(text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}

// alive tells whether the process still runs: the same one, not another that
// got its number.
func (o Owner) alive() bool {
	ticks, err := startTicks(o.PID)
	return err == nil && ticks == o.StartTicks && o.Boot == bootID()
}

// Interrupt asks the owner to end what it does, as Ctrl-C in its
// terminal would. Its process is held on to before it is known to be the right one: a
// signal to whoever got its number since would hit a stranger.
func (o Owner) Interrupt() error {
	held, err := unix.PidfdOpen(o.PID, 0)
	canHold := !errors.Is(err, unix.ENOSYS) // older kernels cannot
	if err != nil && canHold {
		return fmt.Errorf("interrupt process %d: %w", o.PID, err)
	}
	if canHold {
		defer unix.Close(held)
	}
	if !o.alive() {
		return fmt.Errorf("interrupt process %d: it is over", o.PID)
	}
	if canHold {
		err = unix.PidfdSendSignal(held, unix.SIGTERM, nil, 0)
	} else {
		err = unix.Kill(o.PID, unix.SIGTERM)
	}
	if err != nil {
		return fmt.Errorf("interrupt process %d: %w", o.PID, err)
	}
	return nil
}

// startTicks returns when a process started: field 22 of /proc/PID/stat, see
// proc(5). The name of the program before it can hold spaces and brackets.
func startTicks(pid int) (uint64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	text := string(content)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const startTime = 22 - 3 // the fields after the name start with number 3
	if len(fields) <= startTime {
		return 0, errors.New("unexpected format of /proc/PID/stat")
	}
	return strconv.ParseUint(fields[startTime], 10, 64)
}

// writeOwner replaces the facts. They are not synced: they mean nothing after
// a loss of power.
func (s *Store) writeOwner(owner Owner) error {
	content, err := json.Marshal(owner)
	if err != nil {
		return err
	}
	const temporary = ownerName + temporarySuffix
	if err := ignoreMissing(s.disk.remove(temporary)); err != nil {
		return err
	}
	f, err := s.disk.create(temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return s.disk.rename(temporary, ownerName)
}

// maxOwnerBytes bounds the facts.
const maxOwnerBytes = 64 << 10

// Owner tells who works on the project, from what it says itself: the lock is
// not touched, so that a look can never be in the way. nil if nobody says so.
func (s *Store) Owner() *Owner { return s.readOwner() }

// readOwner returns the facts of the living owner; nil if it has not written
// them yet and those of a dead one are still there.
func (s *Store) readOwner() *Owner {
	content, err := s.disk.read(ownerName, maxOwnerBytes)
	if err != nil {
		return nil
	}
	var owner Owner
	if json.Unmarshal(content, &owner) != nil || !owner.alive() {
		return nil
	}
	return &owner
}
