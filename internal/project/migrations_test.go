package project

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlannedMigrations(t *testing.T) {
	for _, c := range []struct {
		framework Framework
		printed   string
		want      []string
	}{
		{FrameworkDjango, "System check identified some issues:\nPlanned operations:\n  No planned migration operations.", nil},
		{FrameworkDjango, "Planned operations:\ntours.0002_note\n    Add field note to tour\ntours.0003_rename\n    Rename field a on tour to b\n    Raw Python operation", []string{"tours/0002_note", "tours/0003_rename"}},
		{FrameworkNone, "\n20260101_a\n 20260102_b \n", []string{"20260101_a", "20260102_b"}},
		{FrameworkNone, "", nil},
	} {
		if diff := cmp.Diff(c.want, (Service{Framework: c.framework}).PlannedMigrations(strings.Split(c.printed, "\n"))); diff != "" {
			t.Errorf("%q: %s", c.printed, diff)
		}
	}
}
