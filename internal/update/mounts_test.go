package update

import (
	"strings"
	"testing"

	"gapless/internal/project"
)

// TestUnreadFilesAreSaid: where a change would not be noticed, the plan says so,
// also one with nothing to do.
func TestUnreadFilesAreSaid(t *testing.T) {
	p := &project.Project{Name: "shop", Services: []project.Service{web("api")}}
	state := State{Mounts: map[string][]MountedFile{"api": {{Target: "/etc/a.conf", Hash: "a"}, {Target: "/media", Note: "more than 2000 files"}}}}
	plan, err := Make(state, p, nil, Options{})
	if err != nil || !plan.Empty() {
		t.Fatalf("%v %+v", err, plan)
	}
	if len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0].Text, "/media is not compared") || !strings.Contains(plan.Notes[0].Text, "more than 2000 files") {
		t.Errorf("%+v", plan.Notes)
	}
}
