package update

import "testing"

// A hold on the way back does not take the place of the reason for going back.
func TestTheReasonOfTheDecisionSurvivesAHold(t *testing.T) {
	history, err := ReadHistory([]Entry{
		{Kind: EntryBegin, Run: "run1", Plan: &Plan{Format: PlanFormat}},
		{Kind: EntryDecide, Decide: DecideRollback, Why: "the gate"},
		{Kind: EntryHold, Why: "stuck"},
	})
	if err != nil || history.Why != "the gate" || history.HeldFor != "stuck" || !history.Held {
		t.Errorf("%+v, %v", history, err)
	}
}
