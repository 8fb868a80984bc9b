package cli

import (
	"bytes"
	"strings"
	"testing"

	"gapless/internal/journal"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// TestHistoryJSON compares everything that is said of an undone run.
func TestHistoryJSON(t *testing.T) {
	s, _, _ := toldSession(t, newHook(t), undoneRun...)
	failed, requests, held, hold, gap := int64(3), int64(1200), int64(7), 840.0, 12.5
	receipt := update.Receipt{Project: "shop", From: 42, To: 43, Strategy: "rolling", Reason: "api: image changed", Result: update.ResultRolledBack,
		DurationMillis: 8400, Failed: &failed, Requests: &requests, Held: &held, LongestHoldMillis: &hold, GapMillis: &gap,
		NotTold: []string{"slack (notify 1): connection refused"}, Steps: []update.ReceiptStep{{Verb: "start", Object: "shop-api-2", DurationMillis: 20, Result: "done"}}}
	if err := s.lock.SaveReceipt(toldRunID, receipt); err != nil {
		t.Fatal(err)
	}
	runs, err := s.pastRuns()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := ui.WriteJSON(&out, runs, s.redactor()); err != nil {
		t.Fatal(err)
	}
	golden(t, "history.json.golden", indented(t, out.String()))
	out.Reset()
	s.app.out = &out
	if err := s.app.printHistory(runs, s.redactor()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"rolled_back", "8.4 s", "3 of 1200", "7 (840 ms)", "12 ms", "shop-api-2 exited with ***"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out.String())
		}
	}
}

// A later event never takes the place of the reason of the decision.
func TestReasonsSurvive(t *testing.T) {
	begin := update.Entry{Kind: update.EntryBegin, Plan: &update.Plan{Project: "shop", From: 1, To: 2}}
	decide := update.Entry{Kind: update.EntryDecide, Decide: update.DecideRollback, Why: "the gate"}
	for name, c := range map[string]struct {
		entries []update.Entry
		result  string
		why     string
		later   string
	}{
		"undone":               {[]update.Entry{begin, decide, {Kind: update.EntryEnd, Result: update.ResultRolledBack, Why: "the gate"}}, "rolled_back", "the gate", ""},
		"undone, not wholly":   {[]update.Entry{begin, decide, {Kind: update.EntryEnd, Result: update.ResultRolledBack, Why: "the gate\nforeign"}}, "rolled_back", "the gate", "foreign"},
		"held on the way back": {[]update.Entry{begin, decide, {Kind: update.EntryHold, Why: "stuck"}}, "held", "the gate", "stuck"},
		"held twice":           {[]update.Entry{begin, decide, {Kind: update.EntryHold, Why: "stuck"}, {Kind: update.EntryResume}, {Kind: update.EntryHold, Why: "stuck"}}, "held", "the gate", "stuck"},
		"held after a commit":  {[]update.Entry{begin, {Kind: update.EntryDecide, Decide: update.DecideCommit}, {Kind: update.EntryHold, Why: "no record"}}, "held", "no record", ""},
		"held and committed": {[]update.Entry{begin, {Kind: update.EntryDecide, Decide: update.DecideCommit}, {Kind: update.EntryHold, Why: "no record"},
			{Kind: update.EntryResume}, {Kind: update.EntryEnd, Result: update.ResultCommitted}}, "committed", "", "no record"},
		"committed, not tidy": {[]update.Entry{begin, {Kind: update.EntryEnd, Result: update.ResultCommitted, Why: "remove failed"}}, "committed", "remove failed", ""},
		"cut off":             {[]update.Entry{begin, decide}, "unfinished", "the gate", ""},
	} {
		var records []journal.Record
		for _, entry := range c.entries {
			records = append(records, journal.Record{Entry: entry})
		}
		past := pastOf("run1", records)
		if past.Result != c.result || past.Why != c.why || strings.Join(past.Later, "|") != c.later {
			t.Errorf("%s: %s, why %q, later %q", name, past.Result, past.Why, past.Later)
		}
	}
}
