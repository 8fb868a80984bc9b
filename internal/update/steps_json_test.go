package update

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyStep is a plan with one step of each kind that the scenarios lack, each
// field filled.
func everyStep() Plan {
	route := RouteState{Listeners: []string{":80"}, Path: "/", Port: 8000, Targets: []TargetRef{{Container: "shop-api-1", Weight: 1}}}
	gate := GateSpec{Service: "api", Container: "shop-api-1", Kind: GateEdge, Port: 8000, Deadline: time.Minute, Successes: 3}
	stop := StopStep{Service: "api", Name: "shop-api-1", ID: "id1", Signal: "SIGQUIT", Grace: time.Second, Restart: "always",
		UndoRoute: &route, Gate: &gate, Successors: []string{"shop-api-2"}, Boots: true, Why: "code changed"}
	started := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	migrate := task(TaskMigrate)
	migrate.ImageID, migrate.Why = "sha256:new", "2 new migrations"
	return Plan{Format: PlanFormat, Project: "shop", From: 1, To: 2, Strategy: StrategyRolling, Phases: []Phase{{PhaseShift, []Step{
		&BuildStep{Service: "api", Image: "api:latest", Previous: "sha256:old", NoCache: true, Why: "dependencies changed"},
		task(TaskCheck), migrate, task(TaskStatic), collect(),
		&RestartStep{StopStep: stop, StartedAt: started},
		reload(stop, "SIGHUP"), reload(stop, "", "nginx", "-s", "reload"),
		&QuiesceStep{Command: []string{"celery", "control", "cancel_consumer"}, AtMost: time.Minute, StartedAt: started, StopStep: stop},
	}}}}
}

func TestEveryStepSurvivesJSON(t *testing.T) {
	plan := everyStep()
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan, back); diff != "" {
		t.Error(diff)
	}
	golden(t, "every-step", back.Text())
}
