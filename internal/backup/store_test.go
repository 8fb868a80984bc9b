package backup

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// fill fills a directory with backups, a day apart, oldest first.
func fill(t *testing.T, s *Store, service string, count int, newest time.Time) (ids []string) {
	t.Helper()
	for i := range count {
		at := newest.AddDate(0, 0, i+1-count)
		id := fmt.Sprintf("%s-%d", service, i)
		directory := filepath.Join(s.Directory(), id)
		if err := os.Mkdir(directory, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, "1.dump"), []byte("dump"), 0o600); err != nil {
			t.Fatal(err)
		}
		m := Manifest{Format: ManifestFormat, ID: id, Project: "shop", Service: service, Started: at, Verified: at,
			Databases: []Database{{Name: "app", File: "1.dump", Stored: sum{Bytes: 4}}}}
		if err := save(directory, m); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// TestPruneCountsWhatIsThere: backups of another service, and those whose files
// are gone or cut off, are no reason to remove any.
func TestPruneCountsWhatIsThere(t *testing.T) {
	m, _ := newMaker(t)
	m.Policy = Policy{Newest: 1}
	ids := fill(t, m.Store, "db", 5, time.Now().Add(-time.Hour))
	fill(t, m.Store, "db2", 5, time.Now())
	if err := os.Remove(filepath.Join(m.Store.Directory(), ids[4], "1.dump")); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(m.Store.Directory(), ids[3], "1.dump"), 3); err != nil {
		t.Fatal(err)
	}
	pruning, err := m.Prune(false)
	if err != nil || len(pruning.Remove) != 0 {
		t.Errorf("%v; removes %v", err, pruning.Remove)
	}
	fill(t, m.Store, "db3", 1, time.Now())
	m.Service = "db2"
	if pruning, err = m.Prune(false); err != nil || len(pruning.Remove) != 2 {
		t.Errorf("%v; removes %v", err, pruning.Remove)
	}
	all, err := m.Store.List()
	if err != nil || len(all) != 9 {
		t.Errorf("%v; %d are left", err, len(all))
	}
}

// TestSweepTakesOnlyPartials: what has its name stays.
func TestSweepTakesOnlyPartials(t *testing.T) {
	m, _ := newMaker(t)
	fill(t, m.Store, "db", 1, time.Now())
	if _, err := m.Store.begin("20260102-030405-abcd"); err != nil {
		t.Fatal(err)
	}
	if err := m.Store.Sweep(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(m.Store.Directory()); len(entries) != 1 || entries[0].Name() != "db-0" {
		t.Errorf("left: %v", entries)
	}
}

// TestReadByTwo: a feeder that outlives its program and the check of the rest
// read each byte once.
func TestReadByTwo(t *testing.T) {
	path, d := written(t, nil)
	r, err := openDump(t.Context(), path, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	var feeders sync.WaitGroup
	for range 4 {
		feeders.Go(func() {
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 100))
		})
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
	feeders.Wait()
}

// TestLatestIsOfOneThing: where there are backups of two, nobody guesses which.
func TestLatestIsOfOneThing(t *testing.T) {
	m, _ := newMaker(t)
	fill(t, m.Store, "db", 2, time.Now())
	if one, err := m.Store.Find("latest"); err != nil || one.ID != "db-1" {
		t.Errorf("%s, %v", one.ID, err)
	}
	fill(t, m.Store, "db2", 1, time.Now().Add(time.Hour))
	if one, err := m.Store.Find("latest"); err == nil {
		t.Errorf("found %s", one.ID)
	}
	if one, err := m.Store.Find("db"); err != nil || one.ID != "db-1" {
		t.Errorf("%s, %v", one.ID, err)
	}
}
