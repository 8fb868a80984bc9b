package update

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What waits is handed on from release to release until something runs it, and a
// release says which older ones do not survive what it ran.
func TestWaitingIsHandedOn(t *testing.T) {
	safe := Judged{Name: "tours/0005_price", Class: ClassSafe}
	waited := Waiting{Service: "api", Names: []string{"tours/0004_no_size"}, Since: 6}
	gone := Migrated{Service: "api", Names: waited.Names, Verdict: MigrationsBreaking, Since: 6}
	for name, c := range map[string]struct {
		scenario scenario
		migrated []Migrated
		waiting  []Waiting
	}{
		"left":         {framed(judgedScenario("", Options{}, nil, dropsSize)), nil, []Waiting{{Service: "api", Names: waited.Names, Since: 8}}},
		"left, others": {framed(judgedScenario("", Options{}, nil, safe, dropsSize)), []Migrated{{Service: "api", Names: []string{safe.Name}, Verdict: MigrationsCompatible}}, []Waiting{{Service: "api", Names: waited.Names, Since: 8}}},
		"kept":         {leftWaiting(framed(judgedScenario("", Options{}, nil, survivable(dropsSize)))), nil, []Waiting{waited}},
		"run with newer ones": {leftWaiting(framed(judgedScenario("", Options{}, nil, survivable(dropsSize), safe))),
			[]Migrated{gone, {Service: "api", Names: []string{safe.Name}, Verdict: MigrationsCompatible}}, nil},
		"run because the new version may need it": {leftWaiting(framed(judgedScenario("", Options{}, nil, with(survivable(dropsSize), func(m *Judged) { m.BreaksNew = []string{"it is there"} })))), []Migrated{gone}, nil},
		"run with what nobody named": {unjudged(leftWaiting(framed(judgedScenario("", Options{Migrations: MigrationsCompatible}, nil)))),
			[]Migrated{gone, {Service: "api", Names: []string{"tours/0002_a_file"}, Verdict: MigrationsCompatible}}, nil},
		"contract":                          {contracted(judgedScenario("", Options{}, nil, survivable(dropsSize))), []Migrated{gone}, nil},
		"contract, of which nothing is due": {contracted(judgedScenario("", Options{}, nil)), []Migrated{gone}, nil},
		"back to a release that had none":   {leftWaiting(framed(judgedScenario("", Options{BackTo: 5}, nil))), nil, nil},
		"back to a release that had some":   {framed(judgedScenario("", Options{BackTo: 5, Waiting: []Waiting{waited}}, nil)), nil, []Waiting{waited}},
	} {
		t.Run(name, func(t *testing.T) {
			_, plan := c.scenario.must(t)
			for i := range plan.Migrations { // of which TestWayBackIsRecorded tells
				plan.Migrations[i].Judged, plan.Migrations[i].Irreversible = false, nil
			}
			if diff := cmp.Diff(c.migrated, plan.Migrations); diff != "" {
				t.Errorf("migrated: %s", diff)
			}
			if diff := cmp.Diff(c.waiting, plan.Waiting); diff != "" {
				t.Errorf("waiting: %s", diff)
			}
		})
	}
}

// unjudged leaves the names of what is due to the source.
func unjudged(s scenario) scenario {
	s.judged = nil
	return s
}

// Nothing waits that something may need, or that cannot be left out.
func TestWhatDoesNotWait(t *testing.T) {
	unknown := with(dropsSize, func(m *Judged) { m.Unknown = []string{"its code reads tours_tour"} })
	for name, s := range map[string]scenario{
		"a command of the user": judgedScenario("", Options{}, nil, dropsSize),
		"its image migrates":    byItself(framed(judgedScenario("", Options{}, nil, dropsSize))),
		"only read":             onlyRead(framed(judgedScenario("", Options{}, nil, dropsSize))),
		"not understood":        framed(judgedScenario("", Options{}, nil, unknown)),
		"one before it is not":  framed(judgedScenario("", Options{}, nil, Judged{Name: "tours/0002", Class: ClassUnknown, Unknown: []string{"rows"}}, dropsSize)),
		"one after it is needed": framed(judgedScenario("", Options{}, nil, dropsSize,
			Judged{Name: "tours/0005", Class: ClassSafe, BreaksNew: []string{"tours_tour.price is not there"}})),
		"quick":                       framed(judgedScenario("", Options{Strategy: StrategyQuick}, nil, dropsSize)),
		"it gives more than it takes": framed(judgedScenario("", Options{}, nil, with(dropsSize, func(m *Judged) { m.MayNeed = []string{"a unique rule"} }))),
		"its command migrates": framed(with(judgedScenario("", Options{}, nil, dropsSize), func(s *scenario) {
			s.services[1].Command = []string{"sh", "-c", "manage.py migrate && celery worker"}
		})),
		"a running container's command does": framed(with(judgedScenario("", Options{}, nil, dropsSize), func(s *scenario) {
			s.running[0].Command = []string{"/start", "migrate", "serve"}
		})),
		"declared to break": framed(judgedScenario("", Options{Migrations: MigrationsBreaking}, nil, dropsSize)),
	} {
		t.Run(name, func(t *testing.T) {
			_, plan := s.must(t)
			if text := plan.Text(); strings.Contains(text, "cannot wait for the new version") && strings.Contains(text, "could wait until the new version") {
				t.Errorf("the plan contradicts itself:\n%s", text)
			}
			if len(plan.Waiting) > 0 || plan.Strategy != StrategyQuick || len(plan.Migrations) != 1 {
				t.Errorf("%s, waiting %v, migrated %v", plan.Strategy, plan.Waiting, plan.Migrations)
			}
		})
	}
}

// A contract is refused unless what runs is known to survive it.
func TestContractIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		scenario scenario
		refused  bool
	}{
		"survived":      {contracted(judgedScenario("", Options{}, nil, survivable(dropsSize))), false},
		"not compared":  {contracted(onlyRead(judgedScenario("", Options{}, nil, survivable(dropsSize)))), true},
		"breaks":        {contracted(judgedScenario("", Options{}, nil, dropsSize)), true},
		"not known":     {contracted(judgedScenario("", Options{}, nil, Judged{Name: "x", Class: ClassUnknown, Unknown: []string{"rows"}})), true},
		"nobody looked": {unjudged(contracted(judgedScenario("", Options{}, nil, dropsSize))), true},
		"said to be":    {unjudged(contracted(judgedScenario("", Options{Migrations: MigrationsCompatible}, nil, dropsSize))), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, plan, err := c.scenario.build()
			var refused *RefusedError
			if errors.As(err, &refused) != c.refused || c.refused && refused.Instead == "" {
				t.Fatalf("%v\n%s", err, plan.Text())
			}
			if c.refused {
				return
			}
			at := slices.IndexFunc(plan.Steps(), func(s Step) bool { task, is := s.(*TaskStep); return is && task.ImageID == newImage })
			if at < 0 || len(plan.Steps()) != 2 {
				t.Errorf("not by the image that runs, or not alone:\n%s", plan.Text())
			}
		})
	}
}
