package backup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DifferenceError says what a restored copy lacks, or has too much of.
type DifferenceError struct {
	Database    string
	Differences []string
}

func (e *DifferenceError) Error() string {
	const shown = 5
	text := strings.Join(e.Differences[:min(shown, len(e.Differences))], "; ")
	if more := len(e.Differences) - shown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Sprintf("the restored copy of %s is not what was dumped: %s", e.Database, text)
}

// Hint tells what to do about it.
func (e *DifferenceError) Hint() string {
	return "do not rely on this backup; make another one, and look at the log of the database"
}

// compare holds a restored copy against what was dumped.
func compare(database string, want, got Contents, sequences map[string]Sequence) error {
	var found []string
	found = append(found, compareCounts("table", "rows", want.Tables, got.Tables)...)
	found = append(found, compareSequences(want.Sequences, sequences)...)
	for _, kind := range slices.Sorted(maps.Keys(want.Objects)) {
		if has := got.Objects[kind]; has != want.Objects[kind] {
			found = append(found, fmt.Sprintf("%d %s, and there were %d", has, kind, want.Objects[kind]))
		}
	}
	if want.Query != nil && (got.Query == nil || *got.Query != *want.Query) {
		found = append(found, "the query of x-gapless.backup gives another answer")
	}
	if len(found) == 0 {
		return nil
	}
	return &DifferenceError{Database: database, Differences: found}
}

func compareCounts(kind, unit string, want, got map[string]int64) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		has, exists := got[name]
		switch {
		case !exists:
			found = append(found, fmt.Sprintf("%s %s is missing", kind, name))
		case has != want[name]:
			found = append(found, fmt.Sprintf("%s %s has %d %s, and had %d", kind, name, has, unit, want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, wanted := want[name]; !wanted {
			found = append(found, fmt.Sprintf("%s %s was not there", kind, name))
		}
	}
	return found
}

func compareSequences(want, got map[string]Sequence) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		wanted := want[name]
		has, exists := got[name]
		switch {
		case !exists:
			found = append(found, fmt.Sprintf("sequence %s is missing", name))
		case wanted.Cycles && wanted.From != wanted.To:
		case has.From < min(wanted.From, wanted.To) || has.From > max(wanted.From, wanted.To):
			found = append(found, fmt.Sprintf("sequence %s stands at %d, and stood at %d to %d", name, has.From, wanted.From, wanted.To))
		case wanted.From == wanted.To && !wanted.Moved && has.Called != wanted.Called:
			found = append(found, fmt.Sprintf("sequence %s would give out %d again, or skip it", name, has.From))
		}
	}
	return found
}

// between joins where sequences stood before and after a dump. Those that were
// dropped or made meanwhile are not in the dump's snapshot for sure.
func between(before, after map[string]Sequence) map[string]Sequence {
	joined := map[string]Sequence{}
	for name, first := range before {
		last, still := after[name]
		if !still {
			last = first
		}
		joined[name] = Sequence{From: first.From, To: last.To, Called: last.Called, Cycles: first.Cycles, Moved: first != last}
	}
	return joined
}
