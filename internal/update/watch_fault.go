package update

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// sharedFault says what is wrong with what both versions need, as far as a look at
// the containers shows it; empty if nothing is.
func (w *watching) sharedFault(ctx context.Context) string {
	for _, gate := range w.step.Shared {
		if !w.wasWell(gate.Container) {
			continue
		}
		c, err := w.env.Containers.Inspect(ctx, gate.Container)
		switch {
		case w.away(err):
			return "the engine does not answer"
		case errors.Is(err, ErrNoContainer):
			return fmt.Sprintf("%s, which both versions need, is gone", gate.Container)
		case err == nil && c.Running && c.Unhealthy:
			return fmt.Sprintf("%s, which both versions need, is unhealthy", gate.Container)
		case err == nil && !c.serves():
			return fmt.Sprintf("%s, which both versions need, is down", gate.Container)
		}
	}
	return ""
}

// away tells an error of an engine that will come back.
func (w *watching) away(err error) bool {
	return err != nil && w.env.Unavailable != nil && w.env.Unavailable(err)
}

// wasWell tells whether a container served before the shift; without a baseline it
// counts as if it had.
func (w *watching) wasWell(containerName string) bool {
	return w.base.At.IsZero() || slices.Contains(w.base.Well, containerName)
}

// passedBefore tells whether a container passed its check before the shift.
func (w *watching) passedBefore(containerName string) bool {
	return w.base.At.IsZero() || slices.Contains(w.base.Passed, containerName)
}

// confirm asks those that both versions need and the warm old version themselves,
// before the new one is blamed: a look shows some faults late, or never.
func (w *watching) confirm(ctx context.Context) string {
	if reason := w.sharedFault(ctx); reason != "" {
		return reason
	}
	if len(w.bodies) > 0 {
		if _, err := w.env.Containers.Inspect(ctx, w.bodies[0].Name); w.away(err) {
			return "the engine does not answer"
		}
	}
	for _, gate := range w.step.Shared {
		if w.passedBefore(gate.Container) && w.env.Gate.Gate(ctx, gate, func(Probe) {}) != nil {
			return gate.Container + ", which both versions need, does not pass its check"
		}
	}
	for _, gate := range w.step.Former {
		if slices.Contains(w.base.Well, gate.Container) && w.env.Gate.Gate(ctx, gate, func(Probe) {}) != nil {
			return gate.Container + " of the old version does not answer either"
		}
	}
	return ""
}

// blame returns a failure of the new version, unless it is not the only one that
// fails.
func (w *watching) blame(ctx context.Context, failure error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason := w.confirm(ctx)
	if reason == "" && w.away(failure) {
		reason = "the engine did not answer"
	}
	if reason == "" {
		return failure
	}
	return w.hold(ctx, reason)
}

// worse takes back what was shown to be worse, where that is the version's doing and
// the old one is there to go back to.
func (w *watching) worse(ctx context.Context, reason string) error {
	if fault := w.confirm(ctx); fault != "" {
		return w.hold(ctx, fault)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	oneWay, err := w.oneWay(ctx)
	if err != nil || oneWay == "" {
		return errors.Join(err, &WorseError{Reason: reason})
	}
	w.say("worse, and not taken back, because " + oneWay + ": " + reason)
	w.silence()
	return w.note(nil, time.Time{})
}

// oneWay says why there is no way back; empty if there is one.
func (w *watching) oneWay(ctx context.Context) (string, error) {
	if w.step.OneWay != "" {
		return w.step.OneWay, nil
	}
	for _, old := range w.step.Keeps {
		if _, err := w.env.Containers.Inspect(ctx, old.ID); errors.Is(err, ErrNoContainer) {
			return fmt.Sprintf("somebody else removed %s", old.Name), nil
		}
	}
	return "", ctx.Err()
}

// silence judges what was said to be worse no further: it would be said again with
// every look.
func (w *watching) silence() {
	for _, judge := range w.judges {
		judge.silent = judge.silent || judge.worse() != ""
	}
	for _, b := range w.bodies {
		b.silent = b.silent || !b.badSince.IsZero() || w.leak(b) != "" || b.restarted(b.now, w.watched) != ""
	}
}

// hold waits until a fault is over that is not the version's, without judging and
// without counting the time; an empty reason says that it is not seen any more.
func (w *watching) hold(ctx context.Context, reason string) error {
	now := w.env.Clock.Now()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.shared == "" {
		w.shared, w.sharedAt = reason, now
		w.tell("not judged for now: " + reason)
		if err := w.note(nil, time.Time{}); err != nil {
			return err
		}
	}
	if reason != "" {
		w.shared, w.wellSince = reason, time.Time{}
		if now.Sub(w.sharedAt) > sharedPatience {
			return &SharedFaultError{Reason: reason}
		}
		return nil
	}
	if w.wellSince.IsZero() {
		w.wellSince = now
	}
	if now.Sub(w.wellSince) < sharedSettles {
		return nil
	}
	return w.goOn()
}

// goOn judges by what happens from now on.
func (w *watching) goOn() error {
	now := w.env.Clock.Now()
	w.say(fmt.Sprintf("not judged for %s: %s", DurationText(now.Sub(w.sharedAt)), w.shared))
	w.shared, w.wellSince = "", time.Time{}
	w.begun, w.afresh = now, w.env.Figures != nil && len(w.judges) > 0
	for _, judge := range w.judges {
		judge.forget()
	}
	for _, b := range w.bodies {
		b.based, b.badSince, b.climb = false, time.Time{}, climb{container: b.Name}
	}
	return w.note(nil, time.Time{})
}

// say keeps a sentence for the verdict, and shows it.
func (w *watching) say(text string) {
	w.said = append(w.said, text)
	w.tell(text)
}

func (w *watching) tell(text string) {
	w.env.Sink.Emit(Event{Time: w.env.Clock.Now(), Kind: EventNotice, Run: w.env.Run, Line: w.step.Line(), Text: text})
}
