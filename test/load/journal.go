package load

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// JournalReport compares what clients saw with what the application noted.
type JournalReport struct {
	Orders int `json:"orders"` // orders that the journal has of this run
	// Doubled orders were carried out more than once: something sent them again.
	Doubled []string `json:"doubled,omitempty"`
	// Unseen orders were carried out, but the client got no right answer.
	Unseen []string `json:"unseen,omitempty"`
	// Vanished orders were answered as done, but the journal lacks them.
	Vanished []string `json:"vanished,omitempty"`
	// Halved orders began and did not finish.
	Halved []string `json:"halved,omitempty"`

	Jobs        int      `json:"jobs"`
	LostJobs    []string `json:"lost_jobs,omitempty"`    // queued, not done in time
	DoubledJobs []string `json:"doubled_jobs,omitempty"` // done more than once

	Ticks int `json:"ticks"`
	// Overlaps counts how often a scheduler was back although its successor
	// went on.
	Overlaps int `json:"overlaps"`
	// LongestTickGapMS is the longest time without a tick.
	LongestTickGapMS float64 `json:"longest_tick_gap_ms"`

	Error string `json:"error,omitempty"` // the journal could not be read
}

// clean leaves Unseen out: it follows from a failed request, which is counted
// already.
func (j *JournalReport) clean() bool {
	return j.Error == "" && j.Overlaps == 0 &&
		len(j.Doubled)+len(j.Vanished)+len(j.Halved)+len(j.LostJobs)+len(j.DoubledJobs) == 0
}

// entry is one line of the application's journal.
type entry struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	ID   string    `json:"id"`
	By   string    `json:"by"`
}

// compareJournal asks again until the worker has done what is queued, or
// patience ends.
func (r *Run) compareJournal(samples []Sample) *JournalReport {
	deadline := time.Now().Add(r.config.JournalPatience)
	for {
		orders, err := r.readJournal(r.id + "-")
		var ticks []entry
		if err == nil {
			ticks, err = r.readJournal("tick-")
		}
		report := judgeJournal(samples, orders, ticks, r.begin)
		if err != nil {
			report = &JournalReport{Error: err.Error()}
		}
		if (err == nil && len(report.LostJobs) == 0) || time.Now().After(deadline) {
			return report
		}
		time.Sleep(300 * time.Millisecond)
	}
}

func (r *Run) readJournal(prefix string) ([]entry, error) {
	deadline := time.Now().Add(r.config.Timeout)
	c, err := r.pool.dial(deadline)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(deadline)
	fmt.Fprintf(c, "GET /journal?prefix=%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", prefix, r.pool.endpoint.host)
	response, err := readAnswer(c.reader, http.MethodGet)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, &statusError{response.StatusCode, "from the journal"}
	}
	var entries []entry
	for decoder := json.NewDecoder(response.Body); ; {
		var one entry
		if err := decoder.Decode(&one); err == io.EOF {
			return entries, nil
		} else if err != nil {
			return nil, err
		}
		entries = append(entries, one)
	}
}

func judgeJournal(samples []Sample, orders, ticks []entry, begin time.Time) *JournalReport {
	counts := map[string]map[string]int{} // kind -> id -> count
	for _, one := range orders {
		if counts[one.Kind] == nil {
			counts[one.Kind] = map[string]int{}
		}
		counts[one.Kind][one.ID]++
	}
	started, finished := counts["order-started"], counts["order-finished"]
	queued, done := counts["job-queued"], counts["job-done"]
	report := &JournalReport{Orders: len(started), Jobs: len(queued)}
	for id, count := range started {
		if count > 1 {
			report.Doubled = append(report.Doubled, id)
		}
		if finished[id] == 0 {
			report.Halved = append(report.Halved, id)
		}
	}
	for id := range queued {
		if done[id] == 0 {
			report.LostJobs = append(report.LostJobs, id)
		}
	}
	for id, count := range done {
		// An order that was made twice has two jobs of one name.
		if count > queued[id] {
			report.DoubledJobs = append(report.DoubledJobs, id)
		}
	}
	report.judgeAnswers(samples, finished)
	for _, ids := range [][]string{report.Doubled, report.Halved, report.LostJobs, report.DoubledJobs} {
		slices.Sort(ids)
	}
	report.judgeTicks(ticks, begin)
	return report
}

// judgeAnswers holds what the clients were told against what was finished.
func (j *JournalReport) judgeAnswers(samples []Sample, finished map[string]int) {
	for _, sample := range samples {
		switch {
		case !sample.Journalled:
		case sample.Failed() && finished[sample.ID] > 0:
			j.Unseen = append(j.Unseen, sample.ID)
		case !sample.Failed() && finished[sample.ID] == 0:
			j.Vanished = append(j.Vanished, sample.ID)
		}
	}
}

// judgeTicks looks at the ticks since begin. Two instances that take turns
// more than once ran at the same time; one that is back after its successor
// was taken away did not.
func (j *JournalReport) judgeTicks(ticks []entry, begin time.Time) {
	var turns []string // of instances, without repetition
	previous := begin
	for _, tick := range ticks {
		if tick.At.Before(begin) {
			continue
		}
		j.Ticks++
		j.LongestTickGapMS = max(j.LongestTickGapMS, milliseconds(tick.At.Sub(previous)))
		previous = tick.At
		last := len(turns)
		if last > 0 && turns[last-1] == tick.By {
			continue
		}
		if last > 2 && turns[last-2] == tick.By && turns[last-3] == turns[last-1] {
			j.Overlaps++
		}
		turns = append(turns, tick.By)
	}
}
