package main

import (
	"slices"
	"time"

	"gapless/test/load"
)

// span is a stretch of time.
type span struct{ from, to time.Time }

func (s span) length() time.Duration { return max(0, s.to.Sub(s.from)) }

// within cuts a stretch down to another.
func (s span) within(other span) span {
	if s.from.Before(other.from) {
		s.from = other.from
	}
	if s.to.After(other.to) {
		s.to = other.to
	}
	return s
}

// without is how much of the stretch none of the others covers.
func (s span) without(others ...span) time.Duration {
	slices.SortFunc(others, func(a, b span) int { return a.from.Compare(b.from) })
	left, from := time.Duration(0), s.from
	for _, other := range others {
		other = other.within(span{from, s.to})
		if other.length() == 0 {
			continue
		}
		left += span{from, other.from}.length()
		from = other.to
	}
	return left + span{from, s.to}.length()
}

// shares split the time from the command until the last old container of the
// application died:
//
//   - the boot of the new version, measured alone, as far as the old one was
//     still there: what no tool can do without;
//   - the clients' own requests, from the last one that the old version got
//     until its last answer: they asked for something that takes so long, and
//     cutting them off would be a failure;
//   - the engine's own time for the container that was started last and for the
//     one that died last: to create and start the one before its boot, to end
//     the other, each as long as it takes alone. What the engine does for more
//     containers, or slower because it is asked for several things at once, is
//     not in it;
//   - everything else is the tool's own time.
//
// What happens at the same time counts once, in this order.
type shares struct {
	total, boot, clients span
	start, stop          span // of the engine
}

// known is all that is not the tool's own time.
func (s shares) known() []span { return []span{s.boot, s.clients, s.start, s.stop} }

// own is the time of the tool itself.
func (s shares) own() time.Duration { return s.total.without(s.known()...) }

// engine is the engine's own time.
func (s shares) engine() time.Duration { return s.total.without(s.boot, s.clients) - s.own() }

// newShares works out the shares. The boot began when the engine noted the
// start of the new container.
func newShares(total span, started time.Time, one alone, oldAnswers span) shares {
	s := shares{total: total, clients: oldAnswers.within(total)}
	s.stop = span{total.to.Add(-one.stop), total.to}.within(total)
	if started.After(total.from) && started.Before(total.to) {
		s.boot = span{started, started.Add(one.boot)}.within(total)
		s.start = span{started.Add(-one.start), started}.within(total)
	}
	return s
}

// oldAnswers is from the start of the last request that the old version
// answered until its last answer was complete.
func oldAnswers(report load.Report, oldVersion string) span {
	var last span
	for _, sample := range report.Samples() {
		if sample.Failed() || sample.Version != oldVersion {
			continue
		}
		if sample.Start.After(last.from) {
			last.from = sample.Start
		}
		if sample.End().After(last.to) {
			last.to = sample.End()
		}
	}
	return last
}
