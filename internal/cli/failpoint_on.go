//go:build failpoints

package cli

import (
	"fmt"
	"os"
	"syscall"

	"gapless/internal/update"
)

// failpoint lets a test kill this program at an exact place, as a loss of
// power would: GAPLESS_FAILPOINT=journal:N dies at the N-th entry of the
// journal, before it is written for an odd N and after it for an even one.
func failpoint(journal update.Journal) update.Journal {
	var at int
	if _, err := fmt.Sscanf(os.Getenv("GAPLESS_FAILPOINT"), "journal:%d", &at); err != nil || at < 1 {
		return journal
	}
	return &dyingJournal{next: journal, left: at}
}

type dyingJournal struct {
	next update.Journal
	left int
}

// Append implements update.Journal.
func (d *dyingJournal) Append(entry update.Entry) error {
	d.left -= 2
	if d.left == -1 { // odd: before the entry
		die()
	}
	err := d.next.Append(entry)
	if d.left == 0 { // even: after it
		die()
	}
	return err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
