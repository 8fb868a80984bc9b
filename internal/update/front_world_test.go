package update

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

type fakeFront struct{ w *world }

func (f fakeFront) Reload(_ context.Context, name string, command []string, _ time.Duration) (int, error) {
	return 0, f.w.call("reload "+name, func() error {
		c := f.w.containers[name]
		if c == nil || !c.Running {
			return fmt.Errorf("%s does not run", name)
		}
		if f.w.unhealthy[c.Service] {
			return &GateError{Container: name, Reason: "goes on with its old configuration", Ended: true}
		}
		f.w.ran = append(f.w.ran, strings.Join(command, " "))
		return nil
	})
}

// abortsUntouched carries a plan out that is refused while everything is as it was.
func (w *world) abortsUntouched(t *testing.T, plan *Plan) {
	t.Helper()
	before := w.summary()
	outcome, _, err := start(w, plan)
	if err != nil || outcome.Result != ResultAborted {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if after := w.summary(); after != before {
		t.Errorf("changed:\n%s\n%s", before, after)
	}
}

// TestBrokenFilesTouchNothing: files that nginx does not take are refused while
// everything is as it was.
func TestBrokenFilesTouchNothing(t *testing.T) {
	w, plan, err := scenarioNamed(t, "nginx's files do not pass their test").build()
	if err != nil {
		t.Fatal(err)
	}
	w.abortsUntouched(t, &plan)
}

// TestKeptFilesAreSaid: an undo leaves the user's files, and says so.
func TestKeptFilesAreSaid(t *testing.T) {
	s := scenarioNamed(t, "files of an nginx between, and a new api")
	w, plan, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	w.brokenCall = "gate shop-nginx-1"
	outcome, _, err := start(w, &plan)
	if err != nil || outcome.Result == ResultCommitted {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if text := strings.Join(w.notices, "\n"); !strings.Contains(text, "does not touch files of yours") {
		t.Errorf("notices: %s", text)
	}
}

func scenarioNamed(t *testing.T, name string) scenario {
	t.Helper()
	for _, s := range scenarios {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("no scenario %q", name)
	return scenario{}
}
