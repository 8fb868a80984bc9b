package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gapless/internal/update"
)

// A plan file fits as long as the same is done, whatever memory is free now.
func TestSamePlan(t *testing.T) {
	made := func(name, detail, note string) update.Plan {
		return update.Plan{Format: update.PlanFormat, Project: "shop", Fingerprint: "f", To: 1, Notes: []update.Note{{Text: note}},
			Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{&update.StartStep{Service: "api", Name: name, Detail: detail}}}}}
	}
	path := filepath.Join(t.TempDir(), "plan.json")
	text, err := json.Marshal(made("shop-api-2", "beside shop-api-1 (needs 60 MiB, 1 GiB available)", "boots in 2 s"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := samePlan(path, made("shop-api-2", "beside shop-api-1 (needs 61 MiB, 900 MiB available)", "boots in 3 s")); err != nil {
		t.Errorf("refused because of a measurement: %v", err)
	}
	if samePlan(path, made("shop-api-3", "beside shop-api-1 (needs 60 MiB, 1 GiB available)", "boots in 2 s")) == nil {
		t.Error("another container is started, and the plan is taken")
	}
	changed := made("shop-api-2", "", "")
	changed.Fingerprint = "g"
	if samePlan(path, changed) == nil {
		t.Error("the state differs, and the plan is taken")
	}
}
