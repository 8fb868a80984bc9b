package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func openTestStore(t *testing.T, path string) (*state, *journal) {
	t.Helper()
	s := newState()
	j, err := openJournal(path, s.apply)
	if err != nil {
		t.Fatal(err)
	}
	return s, j
}

func TestJournalSurvivesATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "journal")
	_, j := openTestStore(t, path)
	if err := j.Append(note(orderStarted, "a"), note(orderFinished, "a")); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString(`{"seq":3,"kind":"order-st`)
	file.Close()

	s, j := openTestStore(t, path)
	if got := s.after(0, "a"); len(got) != 2 {
		t.Fatalf("%d entries after the crash, want 2", len(got))
	}
	if err := j.Append(note(orderStarted, "b")); err != nil {
		t.Fatal(err)
	}
	s, _ = openTestStore(t, path)
	if got := s.after(2, ""); len(got) != 1 || got[0].ID != "b" || got[0].Seq != 3 {
		t.Errorf("entries after the torn line: %+v", got)
	}
}

func TestAJobIsHandedOutOnceUntilItsLeaseEnds(t *testing.T) {
	s, j := openTestStore(t, filepath.Join(t.TempDir(), "journal"))
	now := time.Now()
	for _, id := range []string{"a", "b", "c"} {
		if err := j.Append(note(jobQueued, id)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.take(2, now); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("took %v", got)
	}
	if err := j.Append(note(jobDone, "a")); err != nil {
		t.Fatal(err)
	}
	if got := s.take(5, now); !slices.Equal(got, []string{"c"}) {
		t.Errorf("took %v, want c", got)
	}
	later := now.Add(lease + time.Second)
	got := s.take(5, later)
	slices.Sort(got)
	if !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("took %v after the leases, want b and c", got)
	}
}

func TestFaultSyntax(t *testing.T) {
	for text, want := range map[string]fault{
		"":                    {service: "api"},
		"never-healthy":       {service: "api", name: "never-healthy"},
		"worker:exit-at-once": {service: "worker", name: "exit-at-once"},
		"crash-after=3s":      {service: "api", name: "crash-after", value: "3s"},
	} {
		if got := parseFault(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	f := parseFault("slow-boot=250ms")
	if f.duration(time.Second) != 250*time.Millisecond || f.megabytes(7) != 7 {
		t.Error("the value is not read")
	}
}
