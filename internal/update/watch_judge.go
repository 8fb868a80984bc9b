package update

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// How much worse the requests must be answered, and how sure that must be. The
// shares are of the requests that failed, or were slow.
const (
	moreErrors    = 0.02
	enoughErrors  = 25
	leastErrors   = 5    // seconds
	moreSlow95    = 0.04 // of those slower than nearly all were
	moreSlow50    = 0.25 // of those slower than half of them were
	enoughSlow    = 50
	leastSlow     = 20  // seconds: a machine may be busy for a while
	slowerRatio   = 1.8 // found as twice as slow: the histogram has steps of 6 %
	slowerBy95    = 50 * time.Millisecond
	slowerBy50    = 25 * time.Millisecond
	mostHeldShare = 0.01 // of the requests before: else they say nothing about latency
)

// WatchLimits are what the user allows the new version; 0: by what the old one was like.
type WatchLimits struct {
	ErrorRate float64 `json:"errorRate,omitempty"`
	P95Ratio  float64 `json:"p95Ratio,omitempty"`
}

// trafficJudge compares how the requests of a service are answered with how they were.
type trafficJudge struct {
	service  string
	before   Traffic
	now      Traffic
	timed    Latencies // of now, without the first moments
	errors   *evidence // nil: not judged
	slow     []slowness
	noErrors string // why errors are not judged
	noSlow   string // why latency is not judged
	silent   bool   // it was said that it is worse, and there is no way back
}

// slowness is the evidence for one percentile.
type slowness struct {
	*evidence
	percentile float64
	was, limit time.Duration
}

// newTrafficJudge judges by what the old version was like. An error rate that the
// user has set holds also where that is not known.
func newTrafficJudge(before Traffic, limits WatchLimits) *trafficJudge {
	j := &trafficJudge{service: before.Service, before: before}
	few := "of the old version only " + requestsText(before.Requests) + " are known"
	if before.Requests >= fewestBefore {
		j.errors = newEvidence(before.Failed, before.Requests, moreErrors, enoughErrors, leastErrors)
	} else {
		j.noErrors = few
	}
	if limit := limits.ErrorRate; limit > 0 && (j.errors == nil || limit > j.errors.usual) {
		usual := limit / 2
		if j.errors != nil {
			usual = min(usual, j.errors.usual)
		}
		j.errors, j.noErrors = &evidence{usual: usual, bad: limit, enough: enoughErrors, seconds: leastErrors}, ""
	}
	switch {
	case before.Latency.total() < fewestBefore:
		j.noSlow = few
	case !before.mostlyUsers():
		j.noSlow = "most requests to the old version were asked by gapless itself"
	case float64(before.Held) > mostHeldShare*float64(before.Requests):
		j.noSlow = "many requests to the old version had to wait"
	default:
		j.slow = []slowness{
			newSlowness(before.Latency, 0.95, cmp.Or(limits.P95Ratio, slowerRatio), slowerBy95, moreSlow95),
			newSlowness(before.Latency, 0.5, max(limits.P95Ratio, slowerRatio), slowerBy50, moreSlow50)}
	}
	return j
}

func newSlowness(before Latencies, percentile, ratio float64, by time.Duration, more float64) slowness {
	was := before.quantile(percentile)
	limit := max(time.Duration(ratio*float64(was)), was+by)
	return slowness{newEvidence(before.slowerThan(limit), before.total(), more, enoughSlow, leastSlow), percentile, was, limit}
}

// add takes in what was answered in a number of seconds. What began to be answered
// a moment ago is not timed: caches are cold, and requests may have been held.
func (j *trafficJudge) add(delta Traffic, seconds float64, timed bool) {
	j.now = j.now.and(delta)
	if j.errors != nil {
		j.errors.add(delta.Requests, delta.Failed, seconds)
	}
	if !timed || delta.Held > 0 {
		return
	}
	j.timed = j.timed.and(delta.Latency)
	for _, s := range j.slow {
		s.add(delta.Latency.total(), delta.Latency.slowerThan(s.limit), seconds)
	}
}

// forget begins anew after a fault that was not the version's.
func (j *trafficJudge) forget() {
	if j.errors != nil {
		j.errors.forget()
	}
	for _, s := range j.slow {
		s.forget()
	}
}

// worse says how the new version is worse; empty if it was not shown to be.
func (j *trafficJudge) worse() string {
	if j.errors != nil && j.errors.shown() {
		return fmt.Sprintf("%s of %s to %s failed, %s", percent(float64(j.now.Failed), float64(j.now.Requests)), requestsText(j.now.Requests), j.service, j.errorsBefore())
	}
	for _, s := range j.slow {
		if s.shown() {
			return fmt.Sprintf("%s is slower: %s of %s took longer than %s, before %s of them; p%.0f %s, was %s", j.service,
				percent(s.hits, s.seen), requestsText(uint64(s.seen)), millisText(s.limit), percent(float64(j.before.Latency.slowerThan(s.limit)), float64(j.before.Latency.total())),
				100*s.percentile, millisText(j.timed.quantile(s.percentile)), millisText(s.was))
		}
	}
	return ""
}

func (j *trafficJudge) errorsBefore() string {
	if j.before.Requests < fewestBefore {
		return fmt.Sprintf("max_error_rate is %s", percent(j.errors.bad, 1))
	}
	return fmt.Sprintf("before %s of %s", percent(float64(j.before.Failed), float64(j.before.Requests)), requestsText(j.before.Requests))
}

// words says how it was served. Too few requests are neither good nor bad.
func (j *trafficJudge) words() []string {
	return []string{j.service + ": " + j.errorWords(), j.service + ": " + j.slowWords()}
}

func (j *trafficJudge) errorWords() string {
	switch {
	case j.errors == nil:
		return "errors not judged: " + j.noErrors
	case j.now.Requests < fewestRequests:
		return "errors not judged: only " + requestsText(j.now.Requests)
	}
	return fmt.Sprintf("%s of %s failed, %s", percent(float64(j.now.Failed), float64(j.now.Requests)), requestsText(j.now.Requests), j.errorsBefore())
}

func (j *trafficJudge) slowWords() string {
	switch {
	case j.slow == nil:
		return "latency not judged: " + j.noSlow
	case j.timed.total() < fewestRequests:
		return "latency not judged: only " + requestsText(j.timed.total())
	}
	text := "latency"
	for _, s := range j.slow {
		text += fmt.Sprintf(" p%.0f %s, was %s;", 100*s.percentile, millisText(j.timed.quantile(s.percentile)), millisText(s.was))
	}
	return text[:len(text)-1]
}

func requestsText(number uint64) string { return counted(int(number), "request") }

// percent is a share with one digit after the point, two below 1 %.
func percent(part, of float64) string {
	if of == 0 || part == 0 {
		return "0 %"
	}
	share, digits := 100*part/of, 1
	if share < 1 {
		digits = 2
	}
	return strconv.FormatFloat(share, 'f', digits, 64) + " %"
}

func millisText(d time.Duration) string {
	if d < 10*time.Millisecond {
		return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
}

// judged tells whether there was enough to judge all of it.
func (j *trafficJudge) judged() bool {
	return j.errors != nil && j.now.Requests >= fewestRequests && j.slow != nil && j.timed.total() >= fewestRequests
}
