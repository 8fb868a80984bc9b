package project

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLargestFilesAreJudgedQuickly feeds the guard the shapes that cost a
// parser most, at the size limit.
func TestLargestFilesAreJudgedQuickly(t *testing.T) {
	for name, unit := range map[string]string{
		"flow lists": "[", "flow mappings": "{a: ", "block lists": "- ", "entries": "- a\n", "anchors": "- &a a\n",
		"aliases": "- *a\n", "quotes": "\"", "keys": "? ", "comments": "#\n", "tags": "!a ", "documents": "---\n", "tabs": "\t",
		"long lines": "a", "merges": "<<: {a: b}\n", "block texts": "a: |\n",
	} {
		t.Run(name, func(t *testing.T) {
			content := []byte(strings.Repeat(unit, maxFileBytes/len(unit)))
			started := processorTime(t)
			var faults problems
			guard("compose.yaml", content, &faults)
			if spent := processorTime(t) - started; spent > 20*time.Second { // a square of the size takes minutes
				t.Errorf("took %s", spent)
			} else if testing.Verbose() {
				t.Logf("took %s", spent)
			}
		})
	}
}

// processorTime is what this process has used so far: other work on the machine
// does not count.
func processorTime(t *testing.T) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
