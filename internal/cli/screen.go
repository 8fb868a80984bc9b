package cli

import (
	"fmt"
	"sync"

	"gapless/internal/update"
)

// screen shows a run.
type screen interface {
	update.Sink
	ShowPlan()
	Finish(plan *update.Plan, outcome update.Outcome, receipt update.Receipt, serving []string)
	Close()
}

func (a *app) newScreen(plan *update.Plan) screen { return &plainScreen{app: a, plan: plan} }

type plainScreen struct {
	app  *app
	plan *update.Plan
	mu   sync.Mutex
}

func (p *plainScreen) ShowPlan() { fmt.Fprint(p.app.err, p.plan.Text()) }
func (p *plainScreen) Close()    {}
func (p *plainScreen) Emit(e update.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Kind == update.EventProbe {
		return
	}
	fmt.Fprintln(p.app.err, e.Time.Format("15:04:05.000"), e.Kind, e.Step, e.Line.Verb, e.Line.Object, e.Duration, e.Text, e.Err, e.Result)
}
func (p *plainScreen) Finish(plan *update.Plan, o update.Outcome, r update.Receipt, serving []string) {
	fmt.Fprintf(p.app.out, "%+v %v %v\n", o, r, serving)
	if r.Failed != nil {
		fmt.Fprintf(p.app.out, "%d requests %d failed gap %v probes %d fail %d\n", *r.Requests, *r.Failed, *r.GapMillis, *r.Probes, *r.ProbeFailures)
	}
}
