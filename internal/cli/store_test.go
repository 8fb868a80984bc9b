package cli

import (
	"os"
	"testing"

	"gapless/internal/journal"
)

// lockedStore is an empty store of the project shop, with its lock.
func lockedStore(t *testing.T) (*journal.Store, *journal.Lock) {
	t.Helper()
	directory := t.TempDir()
	if err := os.Chmod(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := journal.Open(directory, "shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	lock, err := store.Lock(journal.Self("", "update", "test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Unlock() })
	return store, lock
}
