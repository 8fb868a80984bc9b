package update

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What clients met before a run was held is not forgotten when it goes on.
func TestReceiptOfARunInParts(t *testing.T) {
	number := func(n int64) *int64 { return &n }
	float := func(n float64) *float64 { return &n }
	earlier := Receipt{Result: ResultHeld, DurationMillis: 5000, Requests: number(100), Failed: number(12), LongestHoldMillis: float(900), GapMillis: float(40),
		P95BeforeMillis: float(5), P95DuringMillis: float(9), FailedByCause: map[string]int64{"dial": 12}, NotTold: []string{"slack"},
		Steps: []ReceiptStep{{Verb: "start", DurationMillis: 20, Result: StepDone}, {Verb: "switch", Result: "not done"}}}
	later := Receipt{Result: ResultRolledBack, DurationMillis: 1000, Requests: number(50), Failed: number(1), Held: number(3), GapMillis: float(10),
		P95BeforeMillis: float(7), P95DuringMillis: float(3), FailedByCause: map[string]int64{"read": 1},
		Steps: []ReceiptStep{{Verb: "start", Result: "not done"}, {Verb: "switch", DurationMillis: 3, Result: StepDone}}}
	want := Receipt{Result: ResultRolledBack, DurationMillis: 6000, Requests: number(150), Failed: number(13), Held: number(3), LongestHoldMillis: float(900), GapMillis: float(40),
		P95BeforeMillis: float(5), P95DuringMillis: float(9), FailedByCause: map[string]int64{"dial": 12, "read": 1},
		Steps: []ReceiptStep{{Verb: "start", DurationMillis: 20, Result: StepDone}, {Verb: "switch", DurationMillis: 3, Result: StepDone}}}
	if diff := cmp.Diff(want, later.After(earlier)); diff != "" {
		t.Error(diff)
	}
	if later.FailedByCause["dial"] != 0 || later.Steps[0].Result == StepDone {
		t.Error("the receipt of the later part was changed")
	}
}
