package journal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"gapless/internal/update"
)

var _ update.Journal = (*Log)(nil)

// TestEveryKindOfEntryIsKnown reads the kinds from the source that declares
// them: one that is missing here would end a run in the middle.
func TestEveryKindOfEntryIsKnown(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../update/entry.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Entry") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		count++
		if !knownKinds[update.EntryKind(value)] {
			t.Errorf("the journal refuses entries of the kind %s (%q)", spec.Names[0].Name, value)
		}
		return true
	})
	if count != len(knownKinds) {
		t.Errorf("%d kinds are declared, %d are known", count, len(knownKinds))
	}
}

// TestAHeldRunStaysOpen: a run that could not be undone is still there for a
// later resume.
func TestAHeldRunStaysOpen(t *testing.T) {
	store := openStore(t)
	_, log := openJournal(t, store)
	mustAppend(t, log, testRun("01A")[:2]...)
	mustAppend(t, log, update.Entry{Kind: update.EntryDecide, Run: "01A", Decide: update.DecideRollback, Why: "not healthy"},
		update.Entry{Kind: update.EntryHold, Run: "01A", Result: update.ResultHeld, Why: "the old container is gone"})
	open, err := store.Unfinished()
	if err != nil {
		t.Fatal(err)
	}
	history, err := update.ReadHistory(open)
	if err != nil || !history.Held || history.Why != "not healthy" || history.HeldFor != "the old container is gone" {
		t.Errorf("%+v, %v", history, err)
	}
	mustAppend(t, log, update.Entry{Kind: update.EntryResume, Run: "01A"})
}
