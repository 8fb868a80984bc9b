package ui

import (
	"strings"
	"testing"

	"gapless/internal/update"
)

// What ran to its end has no last answer, but an output.
func TestFailureOfACheck(t *testing.T) {
	failed := &update.GateError{Container: "shop-api-check", Reason: "ended with code 1", Logs: []string{"DEBUG is on"}, Ended: true}
	text := FailureText(&Failure{Err: &update.CheckError{Service: "api", Failed: failed}, Step: 2,
		Line: update.Line{Verb: "check", Object: "api"}}, nil)
	for _, want := range []string{"failed at step 2: check api", "why       shop-api-check ended with code 1", "log       | DEBUG is on"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if strings.Contains(text, "answer") {
		t.Errorf("%q asks a check for an answer", text)
	}
}
