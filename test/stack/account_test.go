package stack

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/test/load"
)

func TestJudgePosts(t *testing.T) {
	answered := func(id string) load.Sample { return load.Sample{ID: id, Journalled: true} }
	failed := func(id string) load.Sample { return load.Sample{ID: id, Journalled: true, Cause: "status 502"} }
	samples := []load.Sample{answered("kept"), answered("lost"), answered("doubled"), failed("unseen"), failed("never"), {ID: "get"}}
	var got Account
	got.judgePosts(samples, map[string]int{"kept": 1, "doubled": 2, "unseen": 1})
	want := Account{Posts: 4, LostPosts: []string{"lost"}, DoubledPosts: []string{"doubled"}, UnseenPosts: []string{"unseen"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Clean() {
		t.Error("a lost and a doubled post are clean")
	}
}

func TestJudgeTasks(t *testing.T) {
	var got Account
	got.judgeTasks(map[string]taskCount{
		"done": {1, 1, 1}, "waits": {1, 0, 0}, "cut": {1, 1, 0}, "again": {1, 2, 1}, "twice": {1, 1, 2},
	})
	want := Account{Tasks: 5, LostTasks: []string{"cut", "waits"}, DoubledTasks: []string{"again", "twice"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestJudgeBeats(t *testing.T) {
	begin := time.Unix(1000, 0)
	// Notes as "PROCESS SECOND", in the order of time; an exclamation mark is a
	// process that found another one alive.
	for _, test := range []struct {
		notes    string
		overlaps int
		gap      time.Duration
	}{
		{"a0 a1 a2 b5 b6", 0, 3 * time.Second},
		{"a0 a1 b2 a3 b4", 1, time.Second},
		{"a0 a1 b!2 b3", 1, 2 * time.Second},
		{"a0 b1 b2 a9", 1, 7 * time.Second},
		{"a0 b1 c2", 0, time.Second},
	} {
		var notes []beatNote
		for _, text := range strings.Fields(test.notes) {
			note := beatNote{kind: "beat-tick", by: text[:1]}
			if strings.Contains(text, "!") {
				note.kind = "beat-overlap"
			}
			note.at = begin.Add(time.Duration(text[len(text)-1]-'0') * time.Second)
			notes = append(notes, note)
		}
		var got Account
		got.judgeBeats(notes)
		if len(got.Overlaps) != test.overlaps || got.LongestTickGap != test.gap || got.Clean() != (test.overlaps == 0) {
			t.Errorf("%s: %d overlaps %v, gap %s", test.notes, len(got.Overlaps), got.Overlaps, got.LongestTickGap)
		}
	}
}
