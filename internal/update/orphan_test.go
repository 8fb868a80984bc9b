package update

import (
	"strings"
	"testing"

	"gapless/internal/project"
)

// A scheduler that got another name runs twice unless somebody stops the old
// one: the plan says so.
func TestRenamedSchedulerIsSaid(t *testing.T) {
	s := scenario{services: []project.Service{plain("celery-beat", project.RoleScheduler)}, running: []Container{up("beat", 1)}, release: &Release{Number: 1}}
	_, plan := s.must(t)
	text := plan.Text()
	for _, want := range []string{"shop-beat-1: belongs to no service", "celery-beat comes in its place"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing of %q in\n%s", want, text)
		}
	}
}
