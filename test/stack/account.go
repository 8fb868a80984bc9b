package stack

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"gapless/test/load"
)

// Account is what the database says became of the work that was given to the
// application.
type Account struct {
	Posts        int      `json:"posts"`                   // rows that POST requests made
	LostPosts    []string `json:"lost_posts,omitempty"`    // answered as done, without a row
	DoubledPosts []string `json:"doubled_posts,omitempty"` // carried out more than once
	// UnseenPosts were carried out, but the client got no right answer: they
	// follow from failed requests, which are counted there.
	UnseenPosts []string `json:"unseen_posts,omitempty"`

	Tasks        int      `json:"tasks"`                   // that were queued
	LostTasks    []string `json:"lost_tasks,omitempty"`    // not finished
	DoubledTasks []string `json:"doubled_tasks,omitempty"` // begun or finished more than once

	Ticks int `json:"ticks"`
	Beats int `json:"beats"` // processes that ticked
	// Overlaps are pairs of beats that lived at the same time.
	Overlaps []string `json:"overlaps,omitempty"`
	// LongestTickGap is the longest time between two ticks.
	LongestTickGap time.Duration `json:"longest_tick_gap"`
}

// Clean says that nothing was lost, doubled, or run twice at once.
func (a *Account) Clean() bool {
	return len(a.LostPosts)+len(a.DoubledPosts)+len(a.LostTasks)+len(a.DoubledTasks)+len(a.Overlaps) == 0
}

// Print writes the account for people.
func (a *Account) Print(w io.Writer) {
	fmt.Fprintf(w, "posts     %d: %d lost, %d doubled, %d done but not answered\n",
		a.Posts, len(a.LostPosts), len(a.DoubledPosts), len(a.UnseenPosts))
	fmt.Fprintf(w, "tasks     %d: %d lost, %d doubled\n", a.Tasks, len(a.LostTasks), len(a.DoubledTasks))
	fmt.Fprintf(w, "beat      %d ticks of %d processes, %d overlaps, %.1f s without a tick at most\n",
		a.Ticks, a.Beats, len(a.Overlaps), a.LongestTickGap.Seconds())
	for _, overlap := range a.Overlaps {
		fmt.Fprintf(w, "          %s\n", overlap)
	}
}

// taskCount is how often a task was noted.
type taskCount struct{ queued, started, finished int }

// beatNote is one line of the journal of celery beat.
type beatNote struct {
	kind string
	by   string // one process
	at   time.Time
}

// judgePosts holds what the clients were told against the rows per request.
func (a *Account) judgePosts(samples []load.Sample, rows map[string]int) {
	for id, count := range rows {
		a.Posts += count
		if count > 1 {
			a.DoubledPosts = append(a.DoubledPosts, id)
		}
	}
	for _, sample := range samples {
		switch {
		case !sample.Journalled:
		case sample.Failed() && rows[sample.ID] > 0:
			a.UnseenPosts = append(a.UnseenPosts, sample.ID)
		case !sample.Failed() && rows[sample.ID] == 0:
			a.LostPosts = append(a.LostPosts, sample.ID)
		}
	}
	slices.Sort(a.DoubledPosts)
}

func (a *Account) judgeTasks(counts map[string]taskCount) {
	for id, count := range counts {
		a.Tasks += count.queued
		if count.finished == 0 {
			a.LostTasks = append(a.LostTasks, id)
		}
		if max(count.started, count.finished) > count.queued {
			a.DoubledTasks = append(a.DoubledTasks, id)
		}
	}
	slices.Sort(a.LostTasks)
	slices.Sort(a.DoubledTasks)
}

// life is the time from the first to the last note of one beat.
type life struct {
	by          string
	first, last time.Time
}

// judgeBeats finds beats that lived at the same time, by two witnesses: a beat
// that found another one alive, and ticks that mingle.
func (a *Account) judgeBeats(notes []beatNote) {
	lives := map[string]*life{}
	var tick time.Time
	for _, note := range notes {
		switch note.kind {
		case "beat-overlap":
			a.Overlaps = append(a.Overlaps, note.by+" started while another one lived")
		case "beat-tick":
			if a.Ticks++; a.Ticks > 1 {
				a.LongestTickGap = max(a.LongestTickGap, note.at.Sub(tick))
			}
			tick = note.at
		}
		if lives[note.by] == nil {
			lives[note.by] = &life{by: note.by, first: note.at}
		}
		lives[note.by].last = note.at
	}
	a.Beats = len(lives)
	var order []*life
	for _, one := range lives {
		order = append(order, one)
	}
	slices.SortFunc(order, func(x, y *life) int { return cmp.Or(x.first.Compare(y.first), cmp.Compare(x.by, y.by)) })
	for i, one := range order {
		for _, later := range order[i+1:] {
			if later.first.Before(one.last) {
				a.Overlaps = append(a.Overlaps, later.by+" ticked before the last tick of "+one.by)
			}
		}
	}
}
