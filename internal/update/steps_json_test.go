package update

import (
	"encoding/json"
	"strings"
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
	migrate.ImageID, migrate.Why, migrate.Guard = "sha256:new", "2 new migrations", guardOf(shopDatabase, []Judged{exclusive})
	return Plan{Format: PlanFormat, Project: "shop", From: 1, To: 2, Strategy: StrategyRolling, Phases: []Phase{{PhaseShift, []Step{
		&BuildStep{Service: "api", Image: "api:latest", Previous: "sha256:old", NoCache: true, Why: "dependencies changed"},
		task(TaskCheck), migrate, task(TaskStatic), collect(),
		&RestartStep{StopStep: stop, StartedAt: started},
		&DumpStep{Service: "db", Detail: "into a backup of its own", Why: "before 2 migrations"}, &VerifyStep{Service: "db", Detail: "restored"},
		&FillStep{Service: "db", Backup: "b", Databases: []Exchanged{{Name: "a", Fresh: "f", Kept: "k"}}, Detail: "d"}, &ExchangeStep{Service: "db", Backup: "b", Databases: []Exchanged{{Name: "a", Fresh: "f"}}},
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

// A plan of another version may say what this one does not know. It is read,
// as a run that ended needs no more, and not carried out.
func TestUnknownFieldsAreNotGuessed(t *testing.T) {
	plan := everyStep()
	text, err := json.Marshal(&plan)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, unread string }{
		"as it is":              {"", "", ""},
		"of the plan":           {`{"format":1`, `{"window":"22:00","format":1`, "plan.window"},
		"of a phase":            {`"name":"shift"`, `"name":"shift","atOnce":true`, "plan.phases[0].atOnce"},
		"of a step":             {`"noCache":true`, `"noCache":true,"secrets":["a"]`, "plan.phases[0].steps[0].step.secrets[0]"},
		"of what a step has":    {`"successes":3`, `"successes":3,"quorum":2`, "quorum"},
		"of another, but empty": {`"noCache":true`, `"noCache":true,"secrets":[],"more":"","less":false,"none":null`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(text), c.old, c.new, 1)
			var back Plan
			if err := json.Unmarshal([]byte(changed), &back); err != nil {
				t.Fatal(err)
			}
			if c.unread == "" && back.Unread != "" || !strings.HasSuffix(back.Unread, c.unread) {
				t.Errorf("unread is %q", back.Unread)
			}
			_, err := ReadHistory([]Entry{{Kind: EntryBegin, Run: "run1", Plan: &back}})
			if (err != nil) != (c.unread != "") {
				t.Errorf("its history: %v", err)
			}
		})
	}
}

// What this version writes, it knows.
func TestNoPlanIsUnread(t *testing.T) {
	for _, s := range scenarios {
		_, plan := s.must(t)
		text, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		var back Plan
		if err := json.Unmarshal(text, &back); err != nil || back.Unread != "" {
			t.Errorf("%s: %v, unread %q", s.name, err, back.Unread)
		}
	}
}
