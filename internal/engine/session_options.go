package engine

import (
	"fmt"
	"regexp"
	"strings"

	"gapless/internal/update"
)

// ownLockTimeout is the setting itself: deadlock_timeout ends alike.
var ownLockTimeout = regexp.MustCompile(`(^|\s)-(c\s*|-)lock[_-]timeout\s*=`)

// withSession adds what sessions with a Postgres begin with to the environment
// of a container. own is that of the image. What the user wants of the server
// stays, and so does a lock_timeout of the user's.
func withSession(environment, own []string, session *update.SessionOptions) []string {
	if session == nil {
		return environment
	}
	options := variable(environment, "PGOPTIONS", variable(own, "PGOPTIONS", ""))
	if !ownLockTimeout.MatchString(options) {
		options = strings.TrimSpace(fmt.Sprintf("%s -c lock_timeout=%dms", options, session.LockTimeout.Milliseconds()))
	}
	kept := []string{"PGAPPNAME=" + session.Application, "PGOPTIONS=" + options}
	for _, one := range environment {
		if name, _, _ := strings.Cut(one, "="); name != "PGAPPNAME" && name != "PGOPTIONS" {
			kept = append(kept, one)
		}
	}
	return kept
}

// variable is the value of one in an environment.
func variable(environment []string, wanted, otherwise string) string {
	for _, one := range environment {
		if name, value, _ := strings.Cut(one, "="); name == wanted {
			otherwise = value
		}
	}
	return otherwise
}
