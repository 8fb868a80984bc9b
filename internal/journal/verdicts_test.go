package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestVerdicts(t *testing.T) {
	store, err := Open(t.TempDir()+"/projects", "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	key := func(n int) string { return fmt.Sprintf("%064x", n) }
	if _, found := store.Verdict(key(1)); found {
		t.Error("found what nobody kept")
	}
	for n := range 3 * keptVerdicts {
		for _, content := range []string{"first", fmt.Sprint(n)} { // one may be found out again
			if err := store.SaveVerdict(key(n), []byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		if content, found := store.Verdict(key(n)); !found || string(content) != fmt.Sprint(n) {
			t.Fatalf("%q %t", content, found)
		}
	}
	names, err := store.disk.list(verdictsName)
	if err != nil || len(names) > keptVerdicts {
		t.Errorf("%d are kept: %v", len(names), err)
	}
	for _, bad := range []string{"", "../journal", strings.Repeat("g", 64)} {
		if err := store.SaveVerdict(bad, nil); err == nil {
			t.Errorf("%q named a file", bad)
		}
	}
}

// Trials of one project follow each other.
func TestLockTrials(t *testing.T) {
	directory := t.TempDir() + "/projects"
	var stores []*Store
	for range 2 {
		store, err := Open(directory, "shop")
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		stores = append(stores, store)
	}
	release, err := stores[0].LockTrials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stores[1].LockTrials(over); !errors.Is(err, context.Canceled) {
		t.Errorf("two trials at once: %v", err)
	}
	release()
	release, err = stores[1].LockTrials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	release()
}
