package load

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func sampleAt(offset, latency int, cause string) Sample {
	version := "v1"
	if offset >= 500 {
		version = "v2"
	}
	return Sample{ID: "x", Start: at(offset), Latency: time.Duration(latency) * time.Millisecond, Cause: cause, Version: version}
}

func at(offset int) time.Time { return origin.Add(time.Duration(offset) * time.Millisecond) }

// Ten requests 100 ms apart; those at 300, 400 and 600 fail.
func series() []Sample {
	var samples []Sample
	for offset := 0; offset < 1000; offset += 100 {
		cause := ""
		switch offset {
		case 300, 400:
			cause = "refused"
		case 600:
			cause = "status 502"
		}
		samples = append(samples, sampleAt(offset, 10+offset/100, cause))
	}
	return samples
}

func TestReportOfASeries(t *testing.T) {
	r := newReport(at(0), at(1000), series())
	if r.Requests != 10 || r.Failed != 3 {
		t.Errorf("%d of %d failed", r.Failed, r.Requests)
	}
	if r.LongestOutageMS != 200 { // from 300 to 500
		t.Errorf("outage %v", r.LongestOutageMS)
	}
	if r.LongestSilenceMS != 303 { // from 200+12 to 500+15
		t.Errorf("silence %v", r.LongestSilenceMS)
	}
	if r.P50MS != 15 || r.MaxMS != 19 {
		t.Errorf("p50 %v max %v", r.P50MS, r.MaxMS)
	}
	if len(r.Causes) != 2 || r.Causes[0].Name != "refused" || r.Causes[0].Count != 2 {
		t.Errorf("causes %v", r.Causes)
	}
	if len(r.Versions) != 2 || r.Versions[0].Count != 3 || !r.Versions[1].First.Equal(at(500)) {
		t.Errorf("versions %v", r.Versions)
	}
	window := r.Window(at(500), at(1000))
	if window.Requests != 5 || window.Failed != 1 || len(window.Versions) != 1 {
		t.Errorf("window %+v", window)
	}
}

func TestAnOutageThatDoesNotEnd(t *testing.T) {
	r := newReport(at(0), at(300), []Sample{sampleAt(0, 1, ""), sampleAt(100, 1, "refused"), sampleAt(200, 1, "refused")})
	if r.LongestOutageMS != 200 {
		t.Errorf("outage %v", r.LongestOutageMS)
	}
}

func TestSlowRequestsAreNoLatency(t *testing.T) {
	slow := sampleAt(0, 2000, "")
	slow.Slow = true
	r := newReport(at(0), at(300), []Sample{slow, sampleAt(100, 5, "")})
	if r.MaxMS != 5 {
		t.Errorf("max %v", r.MaxMS)
	}
}

func TestJournalShowsWhatClientsCannotSee(t *testing.T) {
	entries := func(lines ...string) []entry {
		var all []entry
		for _, line := range lines {
			kind, id, _ := strings.Cut(line, " ")
			all = append(all, entry{Kind: kind, ID: id, At: at(0)})
		}
		return all
	}
	whole := func(id string) []string {
		return []string{"order-started " + id, "order-finished " + id, "job-queued " + id, "job-done " + id}
	}
	order := func(id, cause string) Sample { return Sample{ID: id, Journalled: true, Cause: cause} }
	for _, test := range []struct {
		name    string
		samples []Sample
		entries []entry
		want    func(*JournalReport) bool
	}{
		{"clean", []Sample{order("a", "")}, entries(whole("a")...), (*JournalReport).clean},
		{"doubled", []Sample{order("a", "")}, entries(append(whole("a"), whole("a")...)...),
			func(j *JournalReport) bool { return len(j.Doubled) == 1 && len(j.DoubledJobs) == 0 }},
		{"vanished", []Sample{order("a", "")}, nil, func(j *JournalReport) bool { return len(j.Vanished) == 1 }},
		{"unseen", []Sample{order("a", "reset")}, entries(whole("a")...), func(j *JournalReport) bool { return len(j.Unseen) == 1 }},
		{"halved", []Sample{order("a", "reset")}, entries("order-started a"), func(j *JournalReport) bool { return len(j.Halved) == 1 }},
		{"lost job", []Sample{order("a", "")}, entries(whole("a")[:3]...), func(j *JournalReport) bool { return len(j.LostJobs) == 1 }},
		{"doubled job", []Sample{order("a", "")}, entries(append(whole("a"), "job-done a")...),
			func(j *JournalReport) bool { return len(j.DoubledJobs) == 1 }},
	} {
		report := judgeJournal(test.samples, test.entries, nil, origin)
		if !test.want(report) {
			t.Errorf("%s: %+v", test.name, report)
		}
		if report.clean() != (test.name == "clean" || test.name == "unseen") {
			t.Errorf("%s: clean is %v", test.name, report.clean())
		}
	}
}

func TestSchedulersThatOverlap(t *testing.T) {
	ticks := func(instances string) []entry {
		var all []entry
		for i, by := range strings.Split(instances, "") {
			all = append(all, entry{Kind: "tick", By: by, At: at(1000 * (i + 1))})
		}
		return all
	}
	for instances, overlaps := range map[string]int{"aaabbb": 0, "aababb": 1, "aabaab": 1, "aabaa": 0, "abaca": 0} {
		report := judgeJournal(nil, nil, ticks(instances), origin)
		if (report.Overlaps > 0) != (overlaps > 0) || report.LongestTickGapMS != 1000 {
			t.Errorf("%s: %d overlaps, gap %v", instances, report.Overlaps, report.LongestTickGapMS)
		}
	}
}

func TestTextNamesTheFailures(t *testing.T) {
	r := newReport(at(0), at(1000), series())
	r.Journal = &JournalReport{Orders: 3}
	var text bytes.Buffer
	r.Print(&text)
	for _, want := range []string{"10 in 1.0 s: 3 failed", "refused", "status 502", "v2 answered", "orders    3"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
}
