package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gapless/internal/update"
)

var testStart = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// recording is a run as a test replays it.
type recording struct {
	plan    *update.Plan
	events  []update.Event
	outcome Outcome
}

func testPlan() *update.Plan {
	gate := update.GateSpec{Service: "api", Container: "shop-api-2", Kind: update.GateEdge, HealthPath: "/health/", Deadline: time.Minute}
	return &update.Plan{
		Format: 1, Project: "shop", From: 42, To: 43, Strategy: "rolling", Because: "code changed",
		Notes: []update.Note{{Service: "nginx", Text: "its port is fixed: about 2 s without it", Gap: true}},
		Phases: []update.Phase{
			{Name: update.PhasePrepare, Steps: []update.Step{&update.BuildStep{Service: "api", Image: "shop-api", Why: "context changed"}}},
			{Name: update.PhaseShift, Steps: []update.Step{
				&update.StartStep{Service: "api", Name: "shop-api-2", Detail: "beside shop-api-1 (needs 110 MiB, 1.2 GiB free)"},
				&update.GateStep{Spec: gate},
				&update.StopStep{Name: "shop-api-1", Grace: 10 * time.Second},
			}},
			{Name: update.PhaseCommit, Steps: []update.Step{&update.RemoveStep{Name: "shop-api-1"}}},
		},
	}
}

// recorder writes events down with their times.
type recorder struct {
	plan   *update.Plan
	now    time.Time
	events []update.Event
}

func (r *recorder) add(kind update.EventKind, step int, wait time.Duration, change func(*update.Event)) {
	r.now = r.now.Add(wait)
	event := update.Event{Time: r.now, Kind: kind, Run: "01RUN", Step: step}
	if step > 0 {
		event.Line = r.plan.Steps()[step-1].Line()
	}
	if change != nil {
		change(&event)
	}
	r.events = append(r.events, event)
}

// step records a step that goes well.
func (r *recorder) step(number int, took time.Duration) {
	r.add(update.EventStepStarted, number, 0, nil)
	r.add(update.EventStepDone, number, took, func(e *update.Event) { e.Duration = took })
}

func (r *recorder) undo(number int, took time.Duration) {
	r.add(update.EventUndoStarted, number, 0, nil)
	r.add(update.EventUndoDone, number, took, func(e *update.Event) { e.Duration = took })
}

// probe records an answer, which comes without the number of its step.
func (r *recorder) probe(answer string, inARow int) {
	r.add(update.EventProbe, 0, 100*time.Millisecond, func(e *update.Event) {
		e.Line = r.plan.Steps()[2].Line()
		e.Probe = &update.Probe{OK: inARow > 0, Answer: answer, InARow: inARow, Duration: 3 * time.Millisecond}
	})
}

func recordings() map[string]recording {
	return map[string]recording{"success": success(), "failure": failure(), "resume": resume(), "nothing": nothing(), "wave": wave(), "watched": watched()}
}

func success() recording {
	r := &recorder{plan: testPlan(), now: testStart}
	r.add(update.EventRunStarted, 0, 0, nil)
	r.step(1, 3200*time.Millisecond)
	r.step(2, 300*time.Millisecond)
	r.add(update.EventStepStarted, 3, 0, nil)
	for range 5 {
		r.probe("connection refused", 0)
	}
	for i := range 3 {
		r.probe(fmt.Sprintf("200 OK in %d ms", 3+i), i+1)
	}
	r.add(update.EventStepDone, 3, 0, func(e *update.Event) { e.Duration = 800 * time.Millisecond })
	r.step(4, 1500*time.Millisecond)
	r.add(update.EventCommitted, 0, 0, nil)
	r.step(5, 50*time.Millisecond)
	r.add(update.EventRunEnded, 0, 0, func(e *update.Event) { e.Result = update.ResultCommitted })
	return recording{r.plan, r.events, Outcome{Run: "01RUN", Receipt: watchedReceipt()}}
}

func fullReceipt() update.Receipt {
	return update.Receipt{
		Project: "shop", From: 42, To: 43, Strategy: "rolling", Reason: "code changed", Result: update.ResultCommitted,
		DurationMillis: 8400, Requests: new(int64(12431)), Failed: new(int64(0)), Held: new(int64(212)), LongestHoldMillis: new(840.0),
		GapMillis: new(0.0), Probes: new(int64(168)), ProbeFailures: new(int64(0)), ProbeURL: "http://127.0.0.1/health/",
		P95BeforeMillis: new(41.0), P95DuringMillis: new(44.2), P95AfterMillis: new(40.0), PeakExtraBytes: new(int64(108 << 20)),
		Steps: []update.ReceiptStep{{Verb: "build", Object: "api", DurationMillis: 3200, Result: "done"}},
	}
}

// watchedReceipt is that of an update that watched its new version.
func watchedReceipt() update.Receipt {
	receipt := fullReceipt()
	receipt.Watch = &update.WatchVerdict{Verdict: update.VerdictGood, WatchedMillis: 30_000,
		Findings: []string{"api: 0.10 % of 4000 requests failed, before 0.12 % of 90000 requests"}}
	return receipt
}

func failure() recording {
	r := &recorder{plan: testPlan(), now: testStart}
	r.add(update.EventRunStarted, 0, 0, nil)
	r.step(1, 1200*time.Millisecond)
	r.step(2, 300*time.Millisecond)
	r.add(update.EventStepStarted, 3, 0, nil)
	const answer = "301 to https://shop.example/\x1b[2Jhealth/?token=hunter22: the health path redirects"
	for range 650 {
		r.probe(answer, 0)
	}
	logs := []string{"starting \x1b[31mred\x1b[0m", "postgres://app:s3cr3t@db/shop", "\u202eevil"}
	for i := range 22 {
		logs = append(logs, fmt.Sprint("line ", i))
	}
	logs = append(logs[3:], logs[:3]...)
	gate := &update.GateError{Container: "shop-api-2", Reason: "not healthy within 60 s", Last: answer, Logs: logs}
	r.add(update.EventStepFailed, 3, 0, func(e *update.Event) { e.Duration, e.Err = 65*time.Second, gate })
	r.add(update.EventUndoing, 0, 0, nil)
	r.undo(3, 10*time.Millisecond)
	r.undo(2, 400*time.Millisecond)
	r.add(update.EventUndoFailed, 1, 0, func(e *update.Event) { e.Err = errors.New("tag shop-api: connection lost") })
	r.add(update.EventRunEnded, 0, 0, func(e *update.Event) { e.Result = update.ResultRolledBack })
	steps := r.plan.Steps()
	return recording{r.plan, r.events, Outcome{Run: "01RUN",
		Receipt: update.Receipt{Project: "shop", From: 42, To: 43, Strategy: "rolling", Result: update.ResultRolledBack, DurationMillis: 67100,
			Requests: new(int64(900)), Failed: new(int64(3)), FailedByCause: map[string]int64{"refused": 2, "timeout": 1}, P95BeforeMillis: new(4.25),
			Watch: &update.WatchVerdict{Verdict: update.VerdictWorse, Reason: gate.Error(), WatchedMillis: 12_000, Findings: []string{"api: errors not judged: only 12 requests"}}},
		Failure: &Failure{Err: fmt.Errorf("gate: %w", gate), Step: 3, Line: steps[2].Line(), Undone: []update.Line{steps[2].Line(), steps[1].Line()},
			Serves: "release 42: shop-api-1 answered 200 OK in 3 ms", Next: []string{"docker logs shop-api-2", "gapless update"}},
	}}
}

func resume() recording {
	r := &recorder{plan: testPlan(), now: testStart}
	r.add(update.EventResumed, 0, 0, func(e *update.Event) { e.Text = "it was killed 12 s ago; the release was decided" })
	r.step(5, 50*time.Millisecond)
	r.add(update.EventNotice, 0, 0, func(e *update.Event) { e.Text = "2 requests were cut" })
	r.add(update.EventRunEnded, 0, 0, func(e *update.Event) { e.Result = update.ResultCommitted })
	return recording{r.plan, r.events, Outcome{Run: "01RUN", Receipt: update.Receipt{Project: "shop", To: 43, Strategy: "rolling",
		Result: update.ResultCommitted, DurationMillis: 50}}}
}

// wavePlan starts two containers at the same time. It is read as from a plan
// file, because only the planner makes parallel steps.
func wavePlan() *update.Plan {
	plan := testPlan()
	err := json.Unmarshal([]byte(`{"name":"shift","steps":[
		{"kind":"parallel","step":{"steps":[
			{"kind":"start","step":{"service":"api","name":"shop-api-2","detail":"beside shop-api-1"}},
			{"kind":"start","step":{"service":"worker","name":"shop-worker-2","detail":"beside shop-worker-1"}}]}},
		{"kind":"parallel","step":{"steps":[
			{"kind":"gate","step":{"spec":{"service":"api","container":"shop-api-2","kind":"edge","healthPath":"/health","deadline":60000000000}}},
			{"kind":"gate","step":{"spec":{"service":"worker","container":"shop-worker-2","kind":"healthcheck","deadline":30000000000}}}]}}]}`), &plan.Phases[1])
	if err != nil {
		panic(err)
	}
	return plan
}

// wave has the second of two containers fail while the first is at its gate.
func wave() recording {
	r := &recorder{plan: wavePlan(), now: testStart}
	part := func(kind update.EventKind, step, number int, wait time.Duration) {
		r.add(kind, step, wait, func(e *update.Event) {
			e.Part, e.Duration = number, wait
			row, _ := r.plan.Row(e.Place())
			e.Line = row.Line
		})
	}
	r.add(update.EventRunStarted, 0, 0, nil)
	r.step(1, 1200*time.Millisecond)
	for _, kind := range []update.EventKind{update.EventStepStarted, update.EventStepDone} {
		part(kind, 2, 1, 0)
		part(kind, 2, 2, 300*time.Millisecond)
	}
	part(update.EventStepStarted, 3, 1, 0)
	part(update.EventStepStarted, 3, 2, 0)
	for range 15 {
		for number, answer := range []string{"connection refused", "healthcheck ended with code 1: not yet"} {
			r.add(update.EventProbe, 0, 100*time.Millisecond, func(e *update.Event) {
				row, _ := r.plan.Row(update.Place{Step: 3, Part: number + 1})
				e.Line, e.Probe = row.Line, &update.Probe{Answer: answer}
			})
		}
	}
	gate := &update.GateError{Container: "shop-worker-2", Reason: "exited with code 3", Last: "healthcheck ended with code 1: not yet"}
	part(update.EventStepFailed, 3, 2, 10*time.Millisecond)
	r.events[len(r.events)-1].Err = gate
	r.add(update.EventUndoing, 0, 0, nil)
	for _, step := range []int{3, 2} {
		for _, kind := range []update.EventKind{update.EventUndoStarted, update.EventUndoDone} {
			part(kind, step, 1, 0)
			part(kind, step, 2, 200*time.Millisecond)
		}
	}
	r.undo(1, 10*time.Millisecond)
	r.add(update.EventRunEnded, 0, 0, func(e *update.Event) { e.Result = update.ResultRolledBack })
	row, _ := r.plan.Row(update.Place{Step: 3, Part: 2})
	return recording{r.plan, r.events, Outcome{Run: "01RUN",
		Receipt: update.Receipt{Project: "shop", From: 42, To: 43, Strategy: "rolling", Result: update.ResultRolledBack, DurationMillis: 5400},
		Failure: &Failure{Err: gate, Step: 3, Line: row.Line, Serves: "release 42", Next: []string{"gapless logs"}},
	}}
}

// watched is a run of another process as its journal tells it: it began before
// anybody looked, and of its waves only the whole is known.
func watched() recording {
	r := &recorder{plan: wavePlan(), now: testStart.Add(-4 * time.Second)}
	whole := func(step int, took time.Duration) {
		r.add(update.EventStepStarted, step, 0, nil)
		r.add(update.EventStepDone, step, took, func(e *update.Event) { e.Duration = took })
	}
	r.add(update.EventRunStarted, 0, 0, nil)
	r.step(1, 1200*time.Millisecond)
	whole(2, 900*time.Millisecond)
	whole(3, 4*time.Second)
	r.add(update.EventCommitted, 0, 0, nil)
	r.step(4, 300*time.Millisecond)
	r.add(update.EventRunEnded, 0, 0, func(e *update.Event) { e.Result = update.ResultCommitted })
	return recording{r.plan, r.events, Outcome{Run: "01RUN",
		Receipt: update.Receipt{Project: "shop", From: 42, To: 43, Strategy: "rolling", Result: update.ResultCommitted, DurationMillis: 6400}}}
}

func nothing() recording {
	plan := &update.Plan{Format: 1, Project: "shop", From: 42, To: 42, Strategy: "rolling", Because: "nothing changed"}
	return recording{plan, nil, Outcome{Receipt: update.Receipt{Project: "shop", From: 42, To: 42, Strategy: "rolling", Result: update.ResultCommitted, DurationMillis: 120}}}
}
