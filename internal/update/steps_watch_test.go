package update

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/project"
)

// watched is an update of an API, a worker beside a database, that watches for two
// minutes after ten minutes of traffic to the old version.
func watched(t *testing.T) (*world, Plan) {
	t.Helper()
	return watchedScenario().watched(t)
}

func watchedScenario() scenario {
	return scenario{
		services: []project.Service{web("api"), plain("worker", project.RoleWorker), plain("db", project.RoleStateful)},
		running:  []Container{up("api", 1), up("worker", 1), now("db", 1)}, routed: []string{"api"},
		release: &Release{Number: 7}, covered: []string{"api"}, options: Options{Watch: 2 * time.Minute},
	}
}

func (s scenario) watched(t *testing.T) (*world, Plan) {
	t.Helper()
	w, plan := s.must(t)
	w.traffic.perSecond["api"] = 40
	w.serve(10 * time.Minute)
	w.traffic.seconds = 0
	return w, plan
}

// isNew tells a container of the new version.
func isNew(c *Container) bool { return c.Run != "" }

// everyFew fails a share of the requests to the new version: so many of each second.
func failing(each uint64) func(*Container) (uint64, time.Duration) {
	return func(c *Container) (uint64, time.Duration) {
		if isNew(c) {
			return each, 10 * time.Millisecond
		}
		return 0, 10 * time.Millisecond
	}
}

// crash makes the newest container of a service restart once.
func (w *world) crash(name string) {
	c := w.containers[name]
	c.RestartCount++
	w.lastID++
	c.StartedAt, c.PID = w.now, w.lastID
}

// TestWatchJudges says what becomes of versions that pass their gates.
func TestWatchJudges(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(w *world)
		result  Result
		verdict string
		says    string // in the reason, or in a finding
	}{
		"good": {func(*world) {}, ResultCommitted, VerdictGood, "api: 0 % of 4"},
		"fails as often as the old one": {func(w *world) {
			w.traffic.answer = func(*Container) (uint64, time.Duration) { return 1, 10 * time.Millisecond }
			w.serve(10 * time.Minute)
		}, ResultCommitted, VerdictGood, "before 1.2 %"},
		"fails 5 %": {func(w *world) { w.traffic.answer = failing(2) }, ResultRolledBack, VerdictWorse, "requests to api failed, before 0 % of 24000 requests"},
		"twice as slow": {func(w *world) {
			w.traffic.answer = func(c *Container) (uint64, time.Duration) {
				if isNew(c) {
					return 0, 100 * time.Millisecond
				}
				return 0, 50 * time.Millisecond
			}
			w.traffic.counted = map[string]*Traffic{}
			w.serve(time.Minute)
		}, ResultRolledBack, VerdictWorse, "api is slower"},
		"a little slower": {func(w *world) {
			w.traffic.answer = func(c *Container) (uint64, time.Duration) {
				if isNew(c) {
					return 0, 30 * time.Millisecond
				}
				return 0, 10 * time.Millisecond
			}
		}, ResultCommitted, VerdictGood, "p95 30 ms, was 10 ms"},
		"one second of failures": {func(w *world) {
			w.traffic.answer = func(c *Container) (uint64, time.Duration) {
				if w.traffic.seconds == 30 {
					return 40, 10 * time.Millisecond
				}
				return 0, 10 * time.Millisecond
			}
		}, ResultCommitted, VerdictGood, "failed"},
		"no requests": {func(w *world) { w.traffic.perSecond["api"] = 0 }, ResultCommitted, VerdictNotJudged, "errors not judged: only 0 requests"},
		"no requests but our own": {func(w *world) {
			w.traffic.perSecond["api"] = 0
			w.traffic.happens = func(int) {
				for _, generation := range []string{"8", OwnGeneration} {
					w.count(Traffic{Service: "api", Generation: generation, Requests: 1, Failed: 1})
				}
			}
		}, ResultCommitted, VerdictNotJudged, "errors not judged: only 0 requests"},
		"the database hangs for good, which only its check shows": {func(w *world) {
			w.traffic.answer = func(*Container) (uint64, time.Duration) {
				if w.traffic.seconds > 30 {
					return 40, 10 * time.Millisecond
				}
				return 0, 10 * time.Millisecond
			}
			w.traffic.happens = func(second int) { w.unhealthyNow("db", second > 30) }
		}, ResultHeld, VerdictHeld, "shop-db-1, which both versions need, does not pass its check"},
		"nothing before": {func(w *world) { w.traffic.counted = map[string]*Traffic{} }, ResultCommitted, VerdictNotJudged, "of the old version only 0 requests are known"},
		"its worker crashes again and again": {func(w *world) {
			w.traffic.happens = func(second int) {
				if second%30 == 0 {
					w.crash("shop-worker-2")
				}
			}
		}, ResultRolledBack, VerdictWorse, "shop-worker-2 crashed and was restarted 2 times"},
		"its worker crashed once": {func(w *world) {
			w.traffic.happens = func(second int) {
				if second == 30 {
					w.crash("shop-worker-2")
				}
			}
		}, ResultCommitted, VerdictGood, "shop-worker-2: restarted 1 time"},
		"its worker ends": {func(w *world) {
			w.traffic.happens = func(second int) { w.containers["shop-worker-2"].Running = second < 30 }
		}, ResultRolledBack, VerdictWorse, "shop-worker-2 is down"},
		"its worker ends in the last moment": {func(w *world) {
			w.traffic.happens = func(second int) { w.containers["shop-worker-2"].Running = second < 117 }
		}, ResultRolledBack, VerdictWorse, "shop-worker-2 is down"},
		"its worker runs out of memory": {func(w *world) {
			w.traffic.happens = func(second int) { w.containers["shop-worker-2"].OOMKilled = second > 30 }
		}, ResultRolledBack, VerdictWorse, "shop-worker-2 ran out of memory"},
		"its worker is unhealthy": {func(w *world) {
			w.traffic.happens = func(second int) { w.containers["shop-worker-2"].Unhealthy = second > 30 }
		}, ResultRolledBack, VerdictWorse, "shop-worker-2 is unhealthy"},
		"the database is away, and comes back": {func(w *world) {
			w.traffic.answer = func(*Container) (uint64, time.Duration) {
				if down := !w.containers["shop-db-1"].Running; down {
					return 40, 10 * time.Millisecond
				}
				return 0, 10 * time.Millisecond
			}
			w.traffic.happens = func(second int) { w.containers["shop-db-1"].Running = second < 30 || second > 90 }
		}, ResultCommitted, VerdictGood, "shop-db-1, which both versions need, is down"},
		"the database hangs, which only its check shows": {func(w *world) {
			w.traffic.answer = func(*Container) (uint64, time.Duration) {
				if w.traffic.seconds > 30 && w.traffic.seconds < 90 {
					return 40, 10 * time.Millisecond
				}
				return 0, 10 * time.Millisecond
			}
			w.traffic.happens = func(second int) { w.unhealthyNow("db", second > 30 && second < 90) }
		}, ResultCommitted, VerdictGood, "shop-db-1, which both versions need, does not pass its check"},
		"fails 5 %, and the check of the database has never passed": {func(w *world) {
			w.traffic.answer = failing(2)
			w.unhealthyNow("db", true)
		}, ResultRolledBack, VerdictWorse, "requests to api failed"},
		"the database stays away": {func(w *world) {
			w.traffic.happens = func(second int) { w.containers["shop-db-1"].Running = second < 30 }
		}, ResultHeld, VerdictHeld, "shop-db-1, which both versions need, is down"},
		"somebody else replaces its worker, which crashes": {func(w *world) {
			w.traffic.happens = func(second int) {
				if second == 30 {
					c := *w.containers["shop-worker-2"]
					c.Run, c.ID = "", "another"
					w.containers["shop-worker-2"] = &c
				}
				if second > 30 {
					w.crash("shop-worker-2")
				}
			}
		}, ResultCommitted, VerdictNotJudged, "somebody else replaced shop-worker-2"},
		"somebody else replaces the new one, which fails 50 % then": {func(w *world) {
			w.traffic.answer = func(c *Container) (uint64, time.Duration) {
				if c.ID == "another" {
					return 20, 10 * time.Millisecond
				}
				return 0, 10 * time.Millisecond
			}
			w.traffic.happens = func(second int) {
				if second == 30 {
					c := *w.containers["shop-api-2"]
					c.Run, c.ID = "", "another"
					w.containers["shop-api-2"] = &c
				}
			}
		}, ResultCommitted, VerdictNotJudged, "somebody else replaced shop-api-2"},
		"fails 5 %, and somebody removed the old one": {func(w *world) {
			w.traffic.answer = failing(2)
			w.traffic.happens = func(int) { delete(w.containers, "shop-api-1") }
		}, ResultCommitted, VerdictWorse, "not taken back, because somebody else removed shop-api-1"},
		"the edge starts anew": {func(w *world) {
			w.traffic.happens = func(second int) {
				if second == 60 {
					w.traffic.counted = map[string]*Traffic{}
				}
			}
		}, ResultCommitted, VerdictGood, "api: 0 % of 4"},
		"the generation has another name at the edge": {func(w *world) {
			w.traffic.answer = failing(2)
			w.traffic.happens = func(second int) {
				for name, route := range w.routes {
					for i := range route.targets {
						if route.targets[i].Generation == "8" {
							route.targets[i].Generation = "8b"
						}
					}
					w.routes[name] = route
				}
			}
		}, ResultRolledBack, VerdictWorse, "requests to api failed"},
	} {
		t.Run(name, func(t *testing.T) {
			w, plan := watched(t)
			old := w.summary()
			c.spoil(w)
			w.traffic.seconds = 0
			outcome, _, err := start(w, &plan)
			if err != nil {
				t.Fatal(err)
			}
			if outcome.Result != c.result || outcome.Watch == nil || outcome.Watch.Verdict != c.verdict {
				t.Fatalf("%s, cause %v, stuck %v, verdict %+v", outcome.Result, outcome.Cause, outcome.Stuck, outcome.Watch)
			}
			if all := outcome.Watch.Reason + "\n" + strings.Join(outcome.Watch.Findings, "\n"); !strings.Contains(all, c.says) {
				t.Errorf("%q is not said:\n%s", c.says, all)
			}
			if c.result == ResultRolledBack && w.summary() != old {
				t.Errorf("not as before:\n%s", w.summary())
			}
			if len(w.violations) > 0 {
				t.Error(w.violations)
			}
		})
	}
}

// unhealthyNow makes the checks of a service fail from now on, or no more.
func (w *world) unhealthyNow(service string, yes bool) {
	w.failingChecks = map[string]bool{service: yes}
}

// What fails in the warm old version as well is no fault of the new one; what fails
// in the new one alone is.
func TestWarmOldVersionIsAskedToo(t *testing.T) {
	for _, c := range []struct {
		old    bool // fails too
		until  int
		result Result
		says   string
	}{
		{true, 60, ResultCommitted, "shop-api-1 of the old version does not answer either"},
		{true, 10_000, ResultHeld, "shop-api-1 of the old version does not answer either"},
		{false, 60, ResultRolledBack, "not healthy"},
	} {
		w, plan := scenario{services: []project.Service{web("api")}, running: []Container{up("api", 1)}, routed: []string{"api"},
			release: &Release{Number: 7}, covered: []string{"api"}, options: Options{Strategy: StrategyBlueGreen, Watch: 2 * time.Minute}}.watched(t)
		w.traffic.happens = func(second int) {
			fails := second > 30 && second < c.until
			w.unhealthyNow("api", fails && c.old)
			w.unhealthy["api"] = fails
		}
		outcome, _, err := start(w, &plan)
		if err != nil || outcome.Result != c.result || outcome.Watch == nil {
			t.Errorf("%+v: %s, %v, %v, %+v", c, outcome.Result, outcome.Cause, err, outcome.Watch)
		} else if all := outcome.Watch.Reason + strings.Join(outcome.Watch.Findings, "\n"); !strings.Contains(all, c.says) {
			t.Errorf("%+v: %s", c, all)
		}
	}
}

// An engine that is restarted is waited for, and one that stays away too, but not
// for ever.
func TestWatchWaitsForTheEngine(t *testing.T) {
	for until, want := range map[int]Result{60: ResultCommitted, 10_000: ResultHeld} {
		w, plan := scenario{services: []project.Service{web("api")}, running: []Container{up("api", 1)}, routed: []string{"api"},
			release: &Release{Number: 7}, covered: []string{"api"}, options: Options{Watch: 2 * time.Minute}}.watched(t)
		w.traffic.happens = func(second int) {
			w.brokenCall = ""
			if second > 30 && second < until {
				w.brokenCall = "inspect shop-api-2"
			}
		}
		env := w.env()
		env.Unavailable = func(err error) bool { return strings.Contains(err.Error(), "broken: inspect shop-api-2") }
		outcome, err := (&Run{Plan: &plan, Env: env}).Execute(context.Background())
		if err != nil || outcome.Result != want {
			t.Errorf("away until second %d: %s, %v, %v, %v", until, outcome.Result, outcome.Cause, outcome.Stuck, err)
		}
	}
}

// A watch that was cut off goes on for the time that was left, by the same
// baseline; one that was aborted meanwhile goes back.
func TestWatchOutlivesItsProcess(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(w *world)
		abort  bool
		result Result
		says   string
	}{
		"good":             {func(*world) {}, false, ResultCommitted, ""},
		"bad all the time": {func(w *world) { w.traffic.answer = failing(2) }, false, ResultRolledBack, "requests to api failed"},
		"bad while nobody watched": {func(w *world) {
			for range 300 {
				w.count(Traffic{Service: "api", Generation: "8", Requests: 40, Failed: 4})
			}
		}, false, ResultRolledBack, "requests to api failed"},
		"aborted": {func(*world) {}, true, ResultRolledBack, "aborted while"},
	} {
		t.Run(name, func(t *testing.T) {
			w, plan := watched(t)
			w.traffic.happens = func(second int) {
				if second == 60 {
					panic(errCrash)
				}
			}
			if _, crashed, err := start(w, &plan); !crashed || err != nil {
				t.Fatalf("crashed %t, %v", crashed, err)
			}
			w.die()
			w.traffic.happens = nil
			began := w.now
			c.spoil(w)
			history, err := ReadHistory(w.entries)
			if err != nil {
				t.Fatal(err)
			}
			run := &Run{Env: w.env(), Abort: c.abort}
			outcome, err := run.Resume(context.Background(), history, false)
			if err != nil || outcome.Result != c.result {
				t.Fatalf("%s, %v, %v", outcome.Result, outcome.Cause, err)
			}
			if c.says != "" && (outcome.Cause == nil || !strings.Contains(outcome.Cause.Error(), c.says)) {
				t.Errorf("cause %v", outcome.Cause)
			}
			if took := w.now.Sub(began); c.result == ResultCommitted && (took < 50*time.Second || took > 75*time.Second) {
				t.Errorf("watched for %s more of 2 min, after 1 min", took)
			}
		})
	}
}

// The reason why a version was not taken survives the death of who found it.
func TestReasonOutlivesItsProcess(t *testing.T) {
	for _, after := range []EntryKind{EntryFail, EntryDecide} {
		w, plan := watched(t)
		w.traffic.answer = failing(2)
		if _, _, err := start(w, &plan); err != nil {
			t.Fatal(err)
		}
		at := slices.Index(w.calls, "journal "+string(after)) + 1
		w, plan = watched(t)
		w.traffic.answer = failing(2)
		w.crashAt, w.crashAfter = at, true
		if _, crashed, err := start(w, &plan); !crashed || at == 0 {
			t.Fatalf("it did not die at call %d: %v", at, err)
		}
		w.die()
		w.traffic = newFakeTraffic() // nobody could find it out again
		outcome, _, err := resume(w)
		if err != nil || outcome.Result != ResultRolledBack || !strings.Contains(outcome.Cause.Error(), "requests to api failed") {
			t.Errorf("after %s: %s, %v, %v", after, outcome.Result, outcome.Cause, err)
		}
	}
}

// A run that waits for a database goes on once somebody resumes it.
func TestHeldWatchGoesOn(t *testing.T) {
	w, plan := watched(t)
	w.traffic.happens = func(second int) { w.containers["shop-db-1"].Running = second < 30 }
	if outcome, _, err := start(w, &plan); err != nil || outcome.Result != ResultHeld || outcome.Cause != nil {
		t.Fatalf("%+v, %v", outcome, err)
	}
	w.traffic.happens = func(int) {}
	w.containers["shop-db-1"].Running = true
	if outcome, _, err := resume(w); err != nil || outcome.Result != ResultCommitted || outcome.Watch.Verdict != VerdictGood {
		t.Fatalf("%+v, %v", outcome, err)
	}
}

// TestWatchKillMatrix kills an update with a watch before and after every contact
// with the world, good and bad versions alike.
func TestWatchKillMatrix(t *testing.T) {
	for _, bad := range []bool{false, true} {
		s := scenario{services: []project.Service{web("api"), plain("db", project.RoleStateful)},
			running: []Container{up("api", 1), now("db", 1)}, routed: []string{"api"},
			release: &Release{Number: 7}, covered: []string{"api"}, options: Options{Watch: 12 * time.Second}}
		s.traffic = func(w *world) {
			w.traffic.perSecond["api"] = 40
			w.serve(time.Minute)
			if bad {
				w.traffic.answer = failing(20)
			}
		}
		if bad {
			s.failing = "nothing" // it does not end in the new version
		}
		s.killEverywhere(t)
		w, plan := s.must(t)
		outcome, _, err := start(w, &plan)
		if err != nil || (outcome.Result == ResultRolledBack) != bad {
			t.Errorf("%s, %v, %v", outcome.Result, outcome.Cause, err)
		}
	}
}

// The plan names what is judged, by whom it is not, and why nothing would be taken back.
func TestWatchIsPlanned(t *testing.T) {
	_, plan := watched(t)
	at := slices.IndexFunc(plan.Steps(), func(s Step) bool { _, is := s.(*WatchStep); return is })
	step := plan.Steps()[at].(*WatchStep)
	if len(step.Subjects) != 2 || len(step.Keeps) != 2 || len(step.Shared) != 1 || step.OneWay != "" {
		t.Errorf("%+v", step)
	}
	if text := plan.Text(); !strings.Contains(text, "compares errors and latency of api") || !strings.Contains(text, "it waits while shop-db-1 is at fault") {
		t.Errorf("the plan does not say what is judged:\n%s", text)
	}
	if _, is := plan.Steps()[1].(*BaselineStep); !is {
		t.Errorf("%T comes before the baseline", plan.Steps()[1])
	}
	_, fresh := scenario{services: []project.Service{web("api")}, options: Options{Watch: time.Minute}}.must(t)
	if text := fresh.Text(); !strings.Contains(text, "nothing to compare the requests of api with") || !strings.Contains(text, "only said") {
		t.Errorf("of a first run nothing can be compared:\n%s", text)
	}
}
