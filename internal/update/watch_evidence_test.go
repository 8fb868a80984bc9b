package update

import (
	"math/rand/v2"
	"testing"
)

// drill is a run of requests, a clump a second.
type drill struct {
	perSecond int
	share     float64 // of failures
	bursts    float64 // share of the seconds in which all fail that would at most
	seconds   int
}

// until feeds the seconds and returns after how many requests it was shown; 0: never.
func (d drill) until(random *rand.Rand, e *evidence) int {
	for second := range d.seconds {
		hits := hitsOf(random, d.perSecond, d.share)
		if random.Float64() < d.bursts {
			hits = uint64(d.perSecond)
		}
		e.add(uint64(d.perSecond), hits, 1)
		if e.shown() {
			return (second + 1) * d.perSecond
		}
	}
	return 0
}

func hitsOf(random *rand.Rand, requests int, share float64) (hits uint64) {
	for range requests {
		if random.Float64() < share {
			hits++
		}
	}
	return hits
}

// Versions that are as good as the one before, under any traffic and with a
// second of failures now and then, are never taken for worse.
func TestGoodVersionsAreNotTakenBack(t *testing.T) {
	for seed := range uint64(1500) {
		random := rand.New(rand.NewPCG(seed, 1))
		d := drill{perSecond: 2 + random.IntN(120), share: []float64{0, 0.0005, 0.002, 0.01, 0.05}[random.IntN(5)], seconds: 900}
		if seed%2 == 0 {
			d.bursts = 1.0 / 120
		}
		before := fewestBefore + random.IntN(5000)
		e := newEvidence(hitsOf(random, before, d.share), uint64(before), moreErrors, enoughErrors, leastErrors)
		if at := d.until(random, e); at > 0 {
			t.Errorf("seed %d: %+v, after %d requests before: taken back after %d", seed, d, before, at)
		}
	}
}

// A version that fails 3 % of its requests is caught after about 1,000 of them.
func TestThreePercentAreCaught(t *testing.T) {
	total := 0
	const runs = 500
	for seed := range uint64(runs) {
		random := rand.New(rand.NewPCG(seed, 2))
		d := drill{perSecond: 10 + random.IntN(90), share: 0.03, seconds: 900}
		e := newEvidence(hitsOf(random, 2000, 0.001), 2000, moreErrors, enoughErrors, leastErrors)
		at := d.until(random, e)
		if at == 0 {
			t.Errorf("seed %d: %+v is not caught", seed, d)
		}
		total += at
	}
	if mean := total / runs; mean < 300 || mean > 1300 {
		t.Errorf("caught after %d requests on average", mean)
	} else {
		t.Logf("caught after %d requests on average", mean)
	}
}

// One that fails all of them takes a few seconds, one or two seconds of failures
// alone are a burst.
func TestBurstsAreOneEvent(t *testing.T) {
	e := newEvidence(0, 2000, moreErrors, enoughErrors, leastErrors)
	seconds := 0
	for ; !e.shown() && seconds < 60; seconds++ {
		e.add(100, 100, 1)
	}
	if seconds < leastErrors || seconds > leastErrors+1 {
		t.Errorf("a version that fails all is caught after %d s", seconds)
	}
	// What nobody watched meanwhile counts as the seconds that it was.
	late := newEvidence(0, 2000, moreErrors, enoughErrors, leastErrors)
	if late.add(6000, 180, 60); !late.shown() {
		t.Errorf("3 %% of a minute: %f of %f", late.sum, late.enough)
	}
	burst := newEvidence(0, 2000, moreErrors, enoughErrors, leastErrors)
	if burst.add(6000, 60, 60); burst.shown() {
		t.Error("60 failures of a minute are 1 %")
	}
}

// Of few requests nothing is shown.
func TestFewRequestsShowNothing(t *testing.T) {
	e := newEvidence(0, 2000, moreErrors, enoughErrors, leastErrors)
	for range fewestRequests - 1 {
		if e.add(1, 1, 1); e.shown() {
			t.Fatalf("shown after %f requests", e.seen)
		}
	}
	if e.add(1, 1, 1); !e.shown() {
		t.Errorf("not shown after %f requests that all failed", e.seen)
	}
}
