package update

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// holdWatch sees how holds are asked for.
type holdWatch struct {
	Router
	specs []HoldSpec
}

func (h *holdWatch) Hold(ctx context.Context, serviceName string, spec HoldSpec) error {
	h.specs = append(h.specs, spec)
	return h.Router.Hold(ctx, serviceName, spec)
}

// The page of a hold survives the journal, and is there again when the release
// is undone or the hold is taken up after a crash.
func TestHoldKeepsItsPage(t *testing.T) {
	page := &Page{HTML: "<p>soon</p>", RetryAfter: time.Minute}
	hold := &HoldStep{Service: "api", Limit: 30 * time.Second, Page: page}
	release := &ReleaseStep{Service: "api", Limit: hold.Limit, Page: page}
	env := newWorld().env()
	watch := &holdWatch{Router: env.Router}
	env.Router = watch
	for _, step := range []Step{hold, release} {
		text, err := json.Marshal(planStep{step})
		if err != nil {
			t.Fatal(err)
		}
		var back planStep
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		switch s := back.Step.(type) {
		case *HoldStep:
			if s.Do(context.Background(), env) != nil || s.rearm(context.Background(), env) != nil {
				t.Fatal("the fake router failed")
			}
		case *ReleaseStep:
			if s.Undo(context.Background(), env) != nil {
				t.Fatal("the fake router failed")
			}
		}
	}
	want := HoldSpec{Limit: 30 * time.Second, Page: page}
	if diff := cmp.Diff([]HoldSpec{want, want, want}, watch.specs); diff != "" {
		t.Error(diff)
	}
}

// The line says what becomes of the requests.
func TestHoldLine(t *testing.T) {
	for want, step := range map[string]HoldStep{
		"requests wait, at most 30 s":                                {Limit: 30 * time.Second},
		"requests wait, at most 30 s, then get the maintenance page": {Limit: 30 * time.Second, Page: &Page{}},
		"requests get the maintenance page":                          {Page: &Page{}},
	} {
		if got := step.Line().Detail; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
