package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gapless/internal/update"
)

// watched is the process that the answers in a row must come from.
type watched struct {
	seen      bool
	container update.Container
	readyAt   time.Time // when it was up for long enough, on the monotonic clock
}

// observe looks who the container is. A container that comes back by its
// restart policy starts anew; one that was replaced, that is gone, or that
// will not come back is hopeless.
func (a *attempt) observe(ctx context.Context) (update.Container, answer) {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	c, err := a.engine.Inspect(ctx, a.spec.Container)
	switch {
	case errors.Is(err, update.ErrNoContainer):
		return c, answer{hopeless: "is gone: somebody else removed it during the update"}
	case err != nil:
		return c, answer{text: "the engine does not answer: " + err.Error()}
	case c.OOMKilled:
		return c, answer{hopeless: fmt.Sprintf("was killed because it ran out of memory (exit code %d); raise its memory limit", c.ExitCode)}
	case a.watched.seen && c.ID != a.watched.container.ID:
		return c, answer{hopeless: "was replaced by another container of that name during the update"}
	case !c.Running || c.Restarting:
		return c, down(c)
	}
	return c, a.compare(c)
}

// down says what a container that does not run means.
func down(c update.Container) answer {
	text := fmt.Sprintf("exited with code %d", c.ExitCode)
	if c.StartedAt.IsZero() && !c.Restarting {
		return answer{hopeless: "was never started"}
	}
	if c.Restarting || c.Restart != "no" && c.Restart != "" {
		return answer{text: text + " and is being restarted"}
	}
	return answer{hopeless: text + exitMeaning(c.ExitCode)}
}

// exitMeaning explains codes that the engine and shells give.
func exitMeaning(code int) string {
	switch code {
	case 125, 126:
		return " (its command could not be started)"
	case 127:
		return " (its command was not found)"
	case 137:
		return " (killed, often for lack of memory)"
	}
	return ""
}

// compare takes a process as the one to watch, or makes sure that it is still
// the same.
func (a *attempt) compare(c update.Container) answer {
	old := a.watched.container
	if a.watched.seen && c.PID == old.PID && c.StartedAt.Equal(old.StartedAt) && c.RestartCount <= old.RestartCount {
		return answer{}
	}
	first := !a.watched.seen
	up := min(max(time.Since(c.StartedAt), 0), a.spec.MinReady)
	a.watched = watched{seen: true, container: c, readyAt: time.Now().Add(a.spec.MinReady - up)}
	if first {
		return answer{}
	}
	if c.Restart == "no" || c.Restart == "" {
		return answer{hopeless: "was restarted by somebody else while it was checked"}
	}
	return answer{text: fmt.Sprintf("restarted while it was checked (%d restarts)", c.RestartCount)}
}
