package update

import (
	"slices"
	"testing"

	"gapless/internal/project"
)

// A reference that a pull moved before the plan was made goes back with the run,
// wherever that is killed: docker compose up must not start what was refused.
func TestPulledReferencesGoBackWithTheRun(t *testing.T) {
	s := scenario{
		services: []project.Service{web("api")}, running: []Container{up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 7}, covered: []string{"api"}, bad: "api",
	}
	s.options.Moved = []Step{&TagStep{Service: "api", ImageID: newImage, Reference: "api:latest", Previous: oldImage}}
	killed, checked := 0, 0
	for at, ended := 1, false; !ended; at++ {
		w, plan := s.must(t)
		w.crashAt = at
		_, crashed, err := start(w, &plan)
		if err != nil {
			t.Fatal(err)
		}
		moved := slices.Contains(w.calls, "tag api:latest")
		w.die()
		if crashed {
			killed++
			if _, _, err := resume(w); err != nil {
				t.Fatal(err)
			}
		}
		if ended = !crashed; !moved {
			continue
		}
		checked++
		if w.tags["api:latest"] != oldImage {
			t.Errorf("killed at call %d: api:latest names %s", at, w.tags["api:latest"])
		}
	}
	if checked < 10 {
		t.Errorf("killed at %d points, at %d of them after the reference moved", killed, checked)
	}
}

// Where the image of before is gone, the old version serves all the same.
func TestPulledReferenceThatCannotGoBack(t *testing.T) {
	for _, moved := range []bool{true, false} {
		w := newWorld()
		w.brokenCall = "tag api:latest"
		step := &TagStep{Service: "api", Reference: "api:latest", Previous: oldImage, Moved: moved}
		if err := step.Undo(t.Context(), w.env()); (err == nil) != moved || (len(w.notices) > 0) != moved {
			t.Errorf("moved %t: %v, told %q", moved, err, w.notices)
		}
	}
}
