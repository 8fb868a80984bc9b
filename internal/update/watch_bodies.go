package update

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// body is a container of the new version, as the engine sees it.
type body struct {
	KeptContainer
	service   string
	usual     float64 // restarts an hour, of the old version
	restarts  int     // when the judgement began
	based     bool    // that is known
	killed    bool    // for want of memory, before it began
	badSince  time.Time
	now       Container
	climb     climb
	isForeign bool
	silent    bool // it was said that it is worse, and there is no way back
}

// lookAtBodies looks at all of them, and says what is wrong with the first one that
// has something wrong. They are fine if all are up.
func (w *watching) lookAtBodies(ctx context.Context) (fine bool, reason string, err error) {
	fine = true
	var running []Container
	for _, b := range w.bodies {
		if b.isForeign || b.silent {
			continue
		}
		well, wrong, err := w.lookAt(ctx, b)
		if err != nil {
			return false, "", err
		}
		if reason == "" {
			reason = wrong
		}
		if well && !b.isForeign {
			running = append(running, b.now)
		}
		fine = fine && well
	}
	if reason == "" {
		reason = w.lookAtMemory(ctx, running)
	}
	return fine, reason, nil
}

func (w *watching) lookAt(ctx context.Context, b *body) (well bool, wrong string, err error) {
	now := w.env.Clock.Now()
	c, err := w.env.Containers.Inspect(ctx, b.Name)
	missing := errors.Is(err, ErrNoContainer)
	if err != nil && !missing {
		return false, "", fmt.Errorf("look at %s: %w", b.Name, err)
	}
	if !missing && (b.ID != "" && c.ID != b.ID || b.ID == "" && c.Run != w.env.Run) {
		w.disown(b, "somebody else replaced "+b.Name)
		return true, "", nil
	}
	wrong = ""
	if !missing {
		b.now = c
		wrong = b.restarted(c, w.watched)
	}
	if !missing && c.serves() {
		b.badSince = time.Time{}
		return true, wrong, nil
	}
	if b.badSince.IsZero() {
		b.badSince = now
	}
	if wrong == "" && now.Sub(b.badSince) > watchPatience {
		if missing {
			w.disown(b, "somebody else removed "+b.Name)
			return true, "", nil
		}
		wrong = fmt.Sprintf("%s is down since %s, exit code %d", b.Name, DurationText(now.Sub(b.badSince)), c.ExitCode)
		if c.Running && !c.Restarting {
			wrong = b.Name + " is unhealthy by its own healthcheck"
		}
	}
	return false, wrong, nil
}

// disown gives up a container that somebody else made or took away, and with it the
// requests of its service: nobody knows who answered them.
func (w *watching) disown(b *body, what string) {
	b.isForeign = true
	delete(w.judges, b.service)
	w.say("not judged any more: " + what + " during the watch")
}

// restarted says that a container crashes again and again. One restart is allowed,
// and twice as many as the old version had in the same time.
func (b *body) restarted(c Container, watched time.Duration) string {
	if !b.based || c.RestartCount < b.restarts { // restarted by hand, it counts anew
		b.restarts, b.based, b.killed = c.RestartCount, true, c.OOMKilled
	}
	if c.OOMKilled && !b.killed {
		return b.Name + " ran out of memory and was killed"
	}
	count := c.RestartCount - b.restarts
	if count <= 1+int(2*b.usual*watched.Hours()) {
		return ""
	}
	return fmt.Sprintf("%s crashed and was restarted %d times in %s", b.Name, count, DurationText(watched))
}

// lookAtMemory samples now and then, and says what leaks. What cannot be measured
// is not judged.
func (w *watching) lookAtMemory(ctx context.Context, running []Container) string {
	now := w.env.Clock.Now()
	if w.env.Figures == nil || len(running) == 0 || now.Sub(w.sampled) < memoryEvery {
		return ""
	}
	w.sampled = now
	figures, err := w.env.Figures.Memory(ctx, running)
	if err != nil {
		return ""
	}
	for _, b := range w.bodies {
		figure, measured := figures[b.Name]
		if !measured || b.silent || b.isForeign {
			continue
		}
		b.climb.add(now.Sub(w.begun), figure)
		if reason := w.leak(b); reason != "" {
			return reason
		}
	}
	return ""
}

// leak says that the memory of a container climbs, past what the old version needed.
func (w *watching) leak(b *body) string {
	if last := len(b.climb.used) - 1; last < 0 || b.climb.used[last] <= w.base.Memory[b.service] {
		return "" // it still warms up
	}
	return b.climb.leak()
}

func (w *watching) isForeign(containerName string) bool {
	for _, b := range w.bodies {
		if b.Name == containerName {
			return b.isForeign
		}
	}
	return false
}
