package update

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryCallCanFail lets each contact with the world fail, one at a time:
// the world is wholly old again, or held with the reason when the same call is
// needed for the way back, and nobody who was served is left alone.
func TestEveryCallCanFail(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, s.failEverywhere)
	}
}

func (s scenario) failEverywhere(t *testing.T) {
	old, updated := wholeStates(t, s)
	clean, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := start(clean, &plan); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, label := range clean.calls {
		if !seen[label] && !strings.HasPrefix(label, "journal") {
			seen[label] = true
			s.fail(t, label, old, updated)
		}
	}
}

func (s scenario) fail(t *testing.T, label, old, updated string) {
	t.Helper()
	w, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	w.brokenCall = label
	outcome, _, err := start(w, &plan)
	if err != nil {
		t.Fatalf("%s fails: %v", label, err)
	}
	if len(w.violations) > 0 {
		t.Errorf("%s fails: %s", label, strings.Join(w.violations, "\n"))
	}
	switch outcome.Result {
	case ResultCommitted:
		if outcome.Cause == nil && len(w.notices) == 0 {
			t.Errorf("%s fails and nobody says so", label)
		}
	case ResultHeld:
		w.brokenCall = ""
		if outcome, _, err = resume(w); err != nil || outcome.Result == ResultHeld {
			t.Errorf("%s failed once; the resume ends %s: %v %v", label, outcome.Result, outcome.Stuck, err)
		}
		fallthrough
	default:
		if got := w.summary(); got != old && got != updated {
			t.Errorf("%s fails: not old again (-old +got):\n%s", label, cmp.Diff(strings.Split(old, "\n"), strings.Split(got, "\n")))
		}
	}
}
