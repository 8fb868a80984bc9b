package update

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("update", false, "rewrite the golden plans")

// TestGoldenPlans compares the plan of every scenario with the text on file.
func TestGoldenPlans(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			_, plan, err := s.build()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.ReplaceAll(s.name, " ", "-"), plan.Text())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "plans", name+".txt")
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("plan differs (-want +got):\n%s", diff)
	}
}

// TestPlanSurvivesJSON writes each plan as the journal does and reads it back.
func TestPlanSurvivesJSON(t *testing.T) {
	for _, s := range scenarios {
		_, plan, err := s.build()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		var back Plan
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plan, back, cmp.AllowUnexported()); diff != "" {
			t.Errorf("%s: %s", s.name, diff)
		}
	}
}
