package update

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// Defaults of what the project leaves open.
const (
	DefaultGateDeadline = 60 * time.Second
	DefaultDrain        = 30 * time.Second
	DefaultHold         = 30 * time.Second
	DefaultJobLimit     = 15 * time.Minute
	// shortestDeadline is given to a service whose healthcheck would give up
	// sooner: on a busy host everything boots slower.
	shortestDeadline = 30 * time.Second
	gateSuccesses    = 3
	// commandSuccesses is enough of a healthcheck that is a command: Docker itself
	// believes the first, and each can take seconds of a processor.
	commandSuccesses = 2
	gateTimeout      = 5 * time.Second
	// gateMinReady is how long a container must have been up before it may
	// take requests: many that crash do it in their first second.
	gateMinReady = 1250 * time.Millisecond
	// runningMinReady is the same where staying up is all that can be seen.
	runningMinReady = 2 * time.Second
)

// Options narrow a plan.
type Options struct {
	Named   []string // services; empty: all that changed
	Tags    []Step   // image references to move first, of a rollback
	Moved   []Step   // image references that a pull has moved already: they go back with the run
	Cause   string   // reason that stands before the changes
	BackTo  int      // a release that served before: nothing is checked or migrated; 0: forward
	Restore *Restore // the data that comes back with that release; nil: the data stays
	Crosses []string // what a rollback should know of the releases that it takes back
	// AtStart are the services whose image was seen to migrate when a container
	// starts, in the release that a rollback goes back to.
	AtStart map[string]bool
	// Statics are the images to collect static files from, by service; others
	// are collected from the image of the service.
	Statics  map[string]string
	Strategy string // empty or StrategyAuto: found out
	// Migrations says whether the code that runs now survives the migrations of
	// the new version: MigrationsCompatible, MigrationsBreaking or empty.
	Migrations string
	// Watch is how long to look at the new version before the commit; 0: as the
	// strategy wants, unless NoWatch.
	Watch    time.Duration
	NoWatch  bool
	NoBackup bool // also before migrations
	NoCache  bool // build every layer again, as is done anyway when dependencies changed
	// Waiting are the migrations that waited when the release served that a rollback
	// goes back to.
	Waiting []Waiting

	regardless bool // also where it does not fit, to forecast what is lacking
}

// Planner makes the plan of one update. It does no I/O: the same input gives
// the same plan.
type Planner struct {
	state   State
	project *project.Project
	changes map[string]change.Change
	options Options

	plan     Plan
	work     []work // in the order of their dependencies
	prepare  []Step
	shift    []Step
	late     []Step // of the shift, after all services
	watch    []Step
	commit   []Step
	taken    map[string]bool // container names, planned ones included
	fetched  map[string]bool // image references
	unrouted map[string]bool // services that still have a route and shall have none
	handover map[string]*handover
	numbers  map[string]map[int]bool
	pools    []pool // forecast to be left at this point of the plan
	tests    []Step // of files that cannot be tested before anything is touched
	later    []work // that read their files again once everything else is done
	inPlace  bool   // no second copies
	migrated bool   // the migrations are planned
	begins   bool   // an nginx is yet to begin to pass the requests on by itself
}

// Make plans the update of a project to what its files want.
func Make(state State, p *project.Project, changes []change.Change, options Options) (Plan, error) {
	planner := newPlanner(state, p, changes, options)
	if err := planner.checkNames(); err != nil {
		return Plan{}, err
	}
	if err := planner.stopWriters(); err != nil {
		return Plan{}, err
	}
	planner.findUnrouted()
	planner.findHandovers()
	planner.findBeginning()
	var why reasons
	for _, service := range p.Services {
		why.add(service.Name, planner.service(service))
	}
	if len(state.FormerRoutes) > 0 {
		why.add(p.Settings.Front.Service, "passes the requests on in place of the edge")
	}
	if err := planner.begin(); err != nil {
		return Plan{}, err
	}
	if err := planner.checkNamespaces(); err != nil {
		return Plan{}, err
	}
	if err := planner.imagesFit(); err != nil {
		return Plan{}, err
	}
	if err := planner.choose(); err != nil {
		return Plan{}, err
	}
	planner.check()
	planner.collectStatic()
	strategies[planner.plan.Strategy](planner)
	planner.reread()
	planner.handOver()
	planner.noteNative()
	planner.noteUnread()
	planner.shift = append(planner.shift, planner.late...)
	planner.unroute()
	planner.leaveEdge()
	planner.noteOrphans()
	planner.keepWaiting()
	planner.addWatch()
	for _, text := range options.Crosses {
		planner.note("", false, "%s", text)
	}
	planner.warnAtStart()
	if err := planner.checkBackup(); err != nil {
		return Plan{}, err
	}
	if err := planner.rewritesFit(); err != nil {
		return Plan{}, err
	}
	return planner.assemble(why.words()), nil
}

func newPlanner(state State, p *project.Project, changes []change.Change, options Options) *Planner {
	from := 0
	if state.Release != nil {
		from = state.Release.Number
	}
	planner := &Planner{
		state: state, project: p, options: options,
		changes:  map[string]change.Change{},
		taken:    map[string]bool{},
		fetched:  map[string]bool{},
		unrouted: map[string]bool{},
		handover: map[string]*handover{},
		numbers:  map[string]map[int]bool{},
		pools:    state.pools(),
		plan:     Plan{Format: PlanFormat, Project: p.Name, From: from, To: from + 1, BackTo: options.BackTo},
	}
	if planner.adopts() {
		planner.plan.From, planner.plan.To = from+1, from+2
	}
	for _, c := range changes {
		planner.changes[c.Service] = c
	}
	for _, c := range state.Containers {
		planner.take(c.Service, c.Number, c.Name)
	}
	planner.plan.Fingerprint = state.Fingerprint()
	return planner
}

// adopts tells whether something runs that is not the last release: it was
// never updated by Gapless, or by somebody else since.
func (p *Planner) adopts() bool {
	if p.state.Release == nil {
		return len(p.state.Containers) > 0
	}
	for _, c := range p.state.Containers {
		recorded, known := p.state.Release.Services[c.Service]
		if c.Running && known && (recorded.ImageID != c.ImageID || recorded.ConfigHash != c.ConfigHash) {
			return true
		}
	}
	return false
}

// checkNames refuses services that do not exist.
func (p *Planner) checkNames() error {
	for _, name := range p.options.Named {
		if _, ok := p.project.Service(name); !ok {
			var known []string
			for _, s := range p.project.Services {
				known = append(known, s.Name)
			}
			return fmt.Errorf("no service %q in this project (it has: %s)", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// assemble puts the phases together.
func (p *Planner) assemble(because string) Plan {
	if len(p.prepare)+len(p.shift)+len(p.commit)+len(p.options.Tags) == 0 {
		return p.plan
	}
	p.plan.Because = because
	p.addWayBack()
	if p.options.Cause != "" {
		p.plan.Because = strings.TrimSuffix(p.options.Cause+"; "+p.plan.Because, "; ")
	}
	var prepare []Step
	if p.adopts() {
		prepare = append(prepare, &RecordStep{Release: p.plan.From, Adopted: true})
	}
	prepare = slices.Concat(prepare, p.options.Moved, p.options.Tags, p.prepare)
	if p.usesEdge() && !p.native() {
		prepare = append(prepare, &EdgeStep{Listeners: p.listeners(), Detail: "stands before " + strings.Join(p.routed(), ", ")})
	}
	commit := append([]Step{&RecordStep{Release: p.plan.To}}, p.together(p.commit)...)
	p.plan.Phases = []Phase{{PhasePrepare, prepare}, {PhaseBackup, append(p.backup(), p.fill()...)}, {PhaseShift, p.together(p.shift)}, {PhaseWatch, p.watch}, {PhaseCommit, commit}}
	p.plan.Phases = slices.DeleteFunc(p.plan.Phases, func(ph Phase) bool { return len(ph.Steps) == 0 })
	return p.plan
}

func (p *Planner) usesEdge() bool {
	return slices.ContainsFunc(p.shift, func(step Step) bool {
		switch s := step.(type) {
		case *SwitchStep, *HoldStep:
			return true
		case *GateStep:
			return s.Candidate != nil
		default:
			return false
		}
	})
}

func (p *Planner) routed() []string {
	var names []string
	for _, s := range p.project.Services {
		if s.Route != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// note says something about a service, once.
func (p *Planner) note(serviceName string, gap bool, format string, args ...any) {
	note := Note{Service: serviceName, Gap: gap, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(p.plan.Notes, note) {
		p.plan.Notes = append(p.plan.Notes, note)
	}
}

// take marks a container name and its number as used.
func (p *Planner) take(serviceName string, number int, name string) {
	p.taken[name] = true
	if p.numbers[serviceName] == nil {
		p.numbers[serviceName] = map[int]bool{}
	}
	p.numbers[serviceName][number] = true
}

// freeNumber is the smallest number that no container of the service has.
func (p *Planner) freeNumber(serviceName string) int {
	for number := 1; ; number++ {
		if !p.numbers[serviceName][number] && !p.taken[p.project.ContainerNameOf(serviceName, number)] {
			return number
		}
	}
}

func (p *Planner) containerName(s project.Service, number int) string {
	if s.ContainerName != "" {
		return s.ContainerName
	}
	return p.project.ContainerNameOf(s.Name, number)
}

// remove plans the removal of an old container after the commit; stopped says
// that the plan stops it.
func (p *Planner) remove(c Container, stopped bool) {
	p.commit = append(p.commit, &RemoveStep{Name: c.Name, ID: c.ID, Stopped: stopped})
}

func (p *Planner) renameAway(c Container) Step {
	return &RenameStep{Old: c.Name, New: p.nameAside(c)}
}

// nameAside is the name of a container that made room for its successor.
func (p *Planner) nameAside(c Container) string {
	return fmt.Sprintf("%s-gapless-%d", c.Name, p.plan.From)
}
