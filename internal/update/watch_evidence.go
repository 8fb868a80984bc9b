package update

import "math"

// evidence is a sequential test: whether something happens more often now than
// it used to. It sums up how much better each observation fits the bad share than
// the usual one, and begins anew whenever that speaks for the usual one.
type evidence struct {
	usual, bad float64 // shares of all requests
	enough     float64 // sum from which on it is taken for shown
	seconds    float64 // that it takes at least, however bad they are
	sum        float64
	seen, hits float64 // of the observations so far
}

// What it takes to judge: how many observations of now, and of before.
const (
	fewestRequests = 50
	fewestBefore   = 300
	// leastUsual is what may happen to any version: a client or a disk that was
	// slow for a moment is not much more than nothing.
	leastUsual = 0.005
)

// newEvidence is against a share that is at least twice the usual one, and at
// least that much more. What was seen before is itself only a sample, so that the
// usual share is taken for a little higher.
func newEvidence(hits, requests uint64, more, enough, seconds float64) *evidence {
	h, n := float64(hits), float64(requests)
	usual := min(max((h+1+math.Sqrt(h+1))/n, leastUsual), 0.9)
	return &evidence{usual: usual, bad: min(max(2*usual, usual+more), (1+usual)/2), enough: enough, seconds: seconds}
}

// add takes in what was seen in a number of seconds. Failures come in bursts, which
// are one event and not many: of each second only so many count as the bad share
// would bring twice over, and no second shows it alone.
func (e *evidence) add(requests, hits uint64, seconds float64) {
	if requests == 0 {
		return
	}
	clumps := max(1, math.Round(seconds))
	n := float64(requests) / clumps
	h := min(float64(hits)/clumps, max(2, 2*e.bad*n), n)
	gain := h*math.Log(e.bad/e.usual) + (n-h)*math.Log((1-e.bad)/(1-e.usual))
	e.sum = max(0, e.sum+clumps*min(gain, 1.01*e.enough/e.seconds))
	e.seen += float64(requests)
	e.hits += float64(hits)
}

// shown tells whether it is the bad share.
func (e *evidence) shown() bool { return e.sum > e.enough && e.seen >= fewestRequests }

// forget begins anew, as after a fault that had nothing to do with the version.
func (e *evidence) forget() { e.sum = 0 }
