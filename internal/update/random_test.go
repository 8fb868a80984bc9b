package update

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/project"
)

var (
	randomSeed  = flag.Uint64("seed", 0, "repeat the one random scenario of this seed")
	randomCount = flag.Int("scenarios", 1500, "number of random scenarios")
)

// TestRandomScenarios lets chance put together projects, what of them runs,
// what goes wrong and where the process dies. Whatever it is: the world is
// wholly old or wholly new afterwards, as the outcome says, and at no moment a
// promise is broken.
func TestRandomScenarios(t *testing.T) {
	first, count := rand.Uint64N(1<<48), *randomCount
	if *randomSeed != 0 {
		first, count = *randomSeed, 1
	}
	t.Logf("seeds %d to %d", first, first+uint64(count)-1)
	var tally fate
	for seed := first; seed < first+uint64(count) && !t.Failed(); seed++ {
		trial := newTrial(t, seed)
		if trial == nil {
			continue
		}
		trial.run(&tally)
		if t.Failed() {
			t.Logf("repeat with: go test ./internal/update -run TestRandomScenarios -seed %d\n%s", seed, trial.describe())
		}
	}
	t.Logf("%+v", tally)
	if *randomSeed == 0 && !t.Failed() && tally.missed(count) {
		t.Errorf("chance did not reach everything in %d scenarios: %+v", count, tally)
	}
}

// fate counts what came of the scenarios, to see that none is left out.
type fate struct{ committed, rolledBack, held, crashed, nested int }

func (f fate) missed(count int) bool {
	return count >= 1000 && min(f.committed, f.rolledBack, f.held, f.crashed, f.nested) == 0
}

// trial is one random scenario with what will go wrong in it.
type trial struct {
	scenario
	t            *testing.T
	random       *rand.Rand
	seed         uint64
	old, updated string
	calls        []string // of an undisturbed run
	broken       string   // label of the call that fails until the last resume
	text         string   // of the plan
}

// newTrial draws a scenario and runs it undisturbed, to know both ends. It
// returns nil if there is nothing to do.
func newTrial(t *testing.T, seed uint64) *trial {
	t.Helper()
	tr := &trial{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, seed))}
	tr.scenario = randomScenario(tr.random)
	before, plan, err := tr.build()
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return nil
	}
	if plan.Empty() {
		return nil
	}
	tr.old, tr.text = before.summary(), plan.Text()
	good := tr.scenario
	good.bad = ""
	after, plan, _ := good.build()
	outcome, _, err := start(after, &plan)
	if err != nil || outcome.Result != ResultCommitted || len(after.violations) > 0 {
		t.Errorf("seed %d: a clean run ends %s: %v %v, %q", seed, outcome.Result, outcome.Cause, err, after.violations)
		t.Log(tr.describe())
		return nil
	}
	tr.updated, tr.calls = after.summary(), after.calls
	if tr.random.IntN(3) == 0 {
		tr.broken = tr.calls[tr.random.IntN(len(tr.calls))]
		if strings.HasPrefix(tr.broken, "journal") {
			tr.broken = ""
		}
	}
	return tr
}

func randomScenario(random *rand.Rand) scenario {
	s := scenario{name: "random", memory: []int64{0, 120 << 20, 300 << 20, 4 << 30}[random.IntN(4)], cpus: random.IntN(3)}
	if random.IntN(4) > 0 {
		s.release = &Release{Number: 1 + random.IntN(9)}
	}
	for i := range 1 + random.IntN(4) {
		service := randomService(random, i, s.services)
		s.services = append(s.services, service)
		s.addRunning(random, service)
	}
	if random.IntN(4) == 0 {
		s.bad = s.services[random.IntN(len(s.services))].Name
	}
	for _, service := range s.services {
		if service.Role == project.RoleStateful && random.IntN(3) == 0 {
			s.options.Named = append(s.options.Named, service.Name)
		}
	}
	if random.IntN(3) == 0 {
		s.options.Watch = time.Duration(1+random.IntN(20)) * time.Second
	}
	return s
}

func randomService(random *rand.Rand, i int, before []project.Service) project.Service {
	var s project.Service
	switch random.IntN(8) {
	case 0:
		s = plain(fmt.Sprintf("db%d", i), project.RoleStateful)
	case 1:
		s = plain(fmt.Sprintf("beat%d", i), project.RoleScheduler)
	case 2:
		s = with(plain(fmt.Sprintf("job%d", i), project.RoleJob), func(s *project.Service) { s.Restart = "no" })
	case 3:
		s = plain(fmt.Sprintf("worker%d", i), project.RoleWorker)
		s.Replicas, s.Parallelism = 1+random.IntN(3), 1+random.IntN(3)
		s.Order = []project.Order{"", project.OrderStartFirst, project.OrderStopFirst}[random.IntN(3)]
	default:
		s = web(fmt.Sprintf("web%d", i))
		s.Route.Path = fmt.Sprintf("/%d", i)
		s.Replicas, s.Parallelism = 1+random.IntN(3), 1+random.IntN(3)
		if s.Build = random.IntN(4) == 0; s.Build && random.IntN(2) == 0 {
			s.Static, s.StaticTarget = []string{"collect"}, "/static"
		}
		if no := false; random.IntN(6) == 0 {
			s.Overlap = &no
		}
		if s.Replicas == 1 && random.IntN(6) == 0 {
			s.ContainerName = "shop-" + s.Name + "-1"
		}
	}
	if len(before) > 0 && random.IntN(3) == 0 {
		s.DependsOn = []string{before[random.IntN(len(before))].Name}
	}
	return s
}

// addRunning draws what runs of a service, and notes which promises hold.
func (s *scenario) addRunning(random *rand.Rand, service project.Service) {
	if service.Role == project.RoleJob || random.IntN(8) == 0 {
		return // not there yet
	}
	count := service.Replicas
	if count > 1 || service.Role == project.RoleWeb && service.ContainerName == "" {
		count = max(1, count+random.IntN(3)-1)
	}
	image := oldImage
	if random.IntN(5) == 0 {
		image = newImage // as it should be already
	}
	for number := range count {
		c := up(service.Name, number+1)
		c.ImageID = image
		if number > 0 && random.IntN(8) == 0 {
			c.Running = false
		}
		s.running = append(s.running, c)
	}
	routed := service.Route != nil && (s.release != nil && random.IntN(5) > 0)
	if routed {
		s.routed = append(s.routed, service.Name)
		s.covered = append(s.covered, service.Name)
	}
	alone := service.Role == project.RoleScheduler || service.Role == project.RoleStateful || service.ContainerName != ""
	if alone || count == 1 && service.Replicas == 1 && service.Overlap != nil {
		s.singles = append(s.singles, service.Name)
	}
}

// run plays the trial: perhaps the process dies, perhaps its successors do,
// and the last one ends it.
func (tr *trial) run(tally *fate) {
	w, plan, err := tr.build()
	if err != nil {
		tr.t.Fatal(err)
	}
	w.brokenCall = tr.broken
	if tr.random.IntN(4) > 0 {
		w.crashAt, w.crashAfter = 1+tr.random.IntN(len(tr.calls)+4), tr.random.IntN(2) == 0
	}
	outcome, crashed, err := start(w, &plan)
	ends := 0
	for ; err == nil && crashed; ends++ {
		tally.crashed++
		w.lift(&plan)
		w.die()
		if ends < 3 && tr.random.IntN(2) == 0 {
			tally.nested++
			w.crashAt, w.crashAfter = 1+tr.random.IntN(20), tr.random.IntN(2) == 0
		}
		outcome, crashed, err = resume(w)
	}
	if err == nil && outcome.Result == ResultHeld {
		tally.held++
		if tr.broken == "" {
			tr.t.Errorf("seed %d: held, and nothing was broken: %v", tr.seed, outcome.Stuck)
		}
		w.brokenCall = "" // somebody mended it
		w.lift(&plan)
		w.die()
		outcome, _, err = resume(w)
	}
	if err != nil {
		tr.t.Errorf("seed %d: %v", tr.seed, err)
		return
	}
	for _, z := range w.zombies {
		z.apply()
	}
	tr.judge(w, tally)
}

// lift takes back the promise of a target for services that the plan holds:
// after a crash the edge lets their requests wait.
func (w *world) lift(plan *Plan) {
	for _, step := range plan.Steps() {
		if hold, ok := step.(*HoldStep); ok {
			w.covered = slices.DeleteFunc(slices.Clone(w.covered), func(name string) bool { return name == hold.Service })
		}
	}
}

// judge compares the end with what the journal says that it is.
func (tr *trial) judge(w *world, tally *fate) {
	var end Entry // none: the process died before it began anything
	if len(w.entries) > 0 {
		end = w.entries[len(w.entries)-1]
	}
	want, tidy := tr.old, true
	switch end.Result {
	case ResultCommitted:
		tally.committed++
		want, tidy = tr.updated, end.Why == "" && !strings.Contains(strings.Join(w.notices, "\n"), "could not be removed") // what could not was said
	case ResultRolledBack, ResultAborted:
		tally.rolledBack++
	case ResultHeld:
		tr.t.Errorf("seed %d: held for good: %s", tr.seed, end.Why)
	}
	if got := w.summary(); got != want && tidy {
		tr.t.Errorf("seed %d: ended %q (-want +got):\n%s", tr.seed, end.Result, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
	}
	if len(w.violations) > 0 {
		tr.t.Errorf("seed %d: %s", tr.seed, strings.Join(w.violations, "\n"))
	}
	if open, err := ReadHistory(w.entries); err == nil {
		tr.t.Errorf("seed %d: the journal has no end: %+v", tr.seed, open)
	}
}

func (tr *trial) describe() string {
	return fmt.Sprintf("%sbad %q, broken %q\nold:\n%s", tr.text, tr.bad, tr.broken, tr.old)
}
