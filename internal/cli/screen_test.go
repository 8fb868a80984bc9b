package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gapless/internal/backup"
	"gapless/internal/front"
	"gapless/internal/update"
)

// TestNextAfterAFailedBackup: whoever is told that there is no backup is also
// told what helps, and how to do without.
func TestNextAfterAFailedBackup(t *testing.T) {
	for name, cause := range map[string]interface {
		error
		Hint() string
	}{"no room": &backup.RoomError{}, "full": &backup.FullError{}, "another copy": &backup.DifferenceError{}} {
		next := nextCommands(update.Outcome{Result: update.ResultAborted, Cause: errors.Join(&update.BackupError{Err: cause})})
		if !slices.Contains(next, cause.Hint()) || !slices.Contains(next, "gapless update --no-backup   to migrate without one") {
			t.Errorf("%s: %q", name, next)
		}
	}
	next := nextCommands(update.Outcome{Result: update.ResultAborted, Cause: errors.New("another")})
	if strings.Contains(strings.Join(next, " "), "--no-backup") {
		t.Errorf("without a backup: %q", next)
	}
}

// TestNextAfterAnIncludeThatIsMissing: whoever has an nginx that does not read what
// is written for it is told the line that is missing.
func TestNextAfterAnIncludeThatIsMissing(t *testing.T) {
	cause := &front.IncludeError{Container: "shop-nginx-2", Directory: "/etc/nginx/upstreams", File: "api.conf"}
	next := nextCommands(update.Outcome{Result: update.ResultRolledBack, Cause: fmt.Errorf("confirm nginx: %w", cause)})
	if !strings.Contains(strings.Join(next, "\n"), "include /etc/nginx/upstreams/*.conf;") {
		t.Errorf("%q", next)
	}
}
