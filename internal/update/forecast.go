package update

import (
	"fmt"
	"slices"
	"time"
)

// Forecast is what a plan will cost. Times come from earlier updates of the
// same project; what none of them measured is a guess, and named as one.
type Forecast struct {
	Strategy string `json:"strategy"`
	// Refused says why the strategy cannot be used now; the figures still hold.
	Refused  string        `json:"refused,omitempty"`
	Duration time.Duration `json:"durationNs"` // of all steps before the commit
	Wait     time.Duration `json:"waitNs"`     // longest time that a request is held
	Page     time.Duration `json:"pageNs"`     // requests get the maintenance page for so long
	Gap      time.Duration `json:"gapNs"`      // requests fail for so long
	// ExtraBytes is the memory that it needs at its peak beyond what runs now.
	ExtraBytes int64 `json:"extraBytes"`
	// DiskBytes is what the new images need; 0 if there are none or nothing to
	// judge them by.
	DiskBytes   int64             `json:"diskBytes,omitempty"`
	Connections []ConnectionsPeak `json:"connections,omitempty"`
	Guessed     []string          `json:"guessed,omitempty"` // what was never measured, such as "boot of api"
}

// ConnectionsPeak is what a plan does to the connections of a database.
type ConnectionsPeak struct {
	Database string `json:"database"` // service
	Now      int    `json:"now"`
	Peak     int    `json:"peak"`
	Limit    int    `json:"limit"`
}

// guesses are the times of steps that no update has measured yet, by verb.
var guesses = map[string]time.Duration{
	"build": 30 * time.Second,
	"pull":  30 * time.Second,
	"job":   5 * time.Second,
	"gate":  5 * time.Second,
	"drain": time.Second,
	"stop":  time.Second,
}

// engineTime is what the engine itself takes to create and start one
// container, measured on a small server.
const engineTime = 300 * time.Millisecond

// Measured names the service and the verb of a step whose time is worth
// keeping for later forecasts; empty for all others.
func Measured(step Step) (verb, serviceName string) {
	switch s := step.(type) {
	case *BuildStep:
		return "build", s.Service
	case *PullStep:
		return "pull", s.Service
	case *JobStep:
		return "job", s.Service
	case *GateStep:
		return "gate", s.Spec.Service
	case *DrainStep:
		return "drain", s.Service
	case *StopStep:
		return "stop", s.Service
	case *RestartStep:
		return "restart", s.Service
	default:
		return "", ""
	}
}

// Forecast predicts what the plan will cost, step by step.
func (p *Plan) Forecast(state State) Forecast {
	f := newForecaster(state)
	f.Strategy = p.Strategy
	for _, note := range p.Notes {
		if note.Gap {
			f.gaps[note.Service] = true
		}
	}
	for _, step := range p.Steps()[:p.commitIndex()] {
		f.step(step)
	}
	f.Duration = f.now
	f.ExtraBytes = f.memory.peak
	for i, d := range state.Databases {
		f.Connections = append(f.Connections, ConnectionsPeak{Database: d.Service, Now: d.Used, Peak: d.Used + int(f.databases[i].peak), Limit: d.Limit})
	}
	f.DiskBytes = p.diskBytes(state)
	slices.Sort(f.Guessed)
	f.Guessed = slices.Compact(f.Guessed)
	return f.Forecast
}

// second is what second copies take of something while a plan runs.
type second struct {
	each      map[string]int64 // one container, by service
	now, peak int64
}

// add counts more containers of a service, or less.
func (s *second) add(serviceName string, containers int64) {
	s.now += containers * s.each[serviceName]
	s.peak = max(s.peak, s.now)
}

// forecaster walks through a plan on a clock of its own.
type forecaster struct {
	Forecast
	state     State
	now       time.Duration
	memory    second
	databases []second
	held      map[string]time.Duration // since when, by service
	down      map[string]time.Duration
	gaps      map[string]bool // services for which the plan says that requests fail
}

func newForecaster(state State) *forecaster {
	f := &forecaster{state: state, held: map[string]time.Duration{}, down: map[string]time.Duration{}, gaps: map[string]bool{}}
	f.memory.each = state.memoryEach()
	for _, d := range state.Databases {
		f.databases = append(f.databases, second{each: d.each()})
	}
	return f
}

// copies counts more containers of a service, or less.
func (f *forecaster) copies(serviceName string, containers int64) {
	f.memory.add(serviceName, containers)
	for i := range f.databases {
		f.databases[i].add(serviceName, containers)
	}
}

// step moves the clock over one step and notes what it changes.
func (f *forecaster) step(step Step) {
	parts := []Step{step}
	if group, ok := step.(*ParallelStep); ok {
		parts = nil
		for _, part := range group.Steps {
			parts = append(parts, part.Step)
		}
	}
	var longest time.Duration
	for _, part := range parts {
		f.before(part)
		longest = max(longest, f.takes(part))
	}
	f.now += longest
	for _, part := range parts {
		f.after(part)
	}
}

// before notes what holds as soon as a step begins.
func (f *forecaster) before(step Step) {
	switch s := step.(type) {
	case *HoldStep:
		f.held[s.Service] = f.now
	case *StartStep:
		f.copies(s.Service, 1)
	case *StopStep:
		_, held := f.held[s.Service]
		if _, down := f.down[s.Service]; f.gaps[s.Service] && !held && !down {
			f.down[s.Service] = f.now
		}
	}
}

// after notes what holds once a step has ended.
func (f *forecaster) after(step Step) {
	switch s := step.(type) {
	case *StopStep:
		f.copies(s.Service, -1)
	case *GateStep:
		if since, down := f.down[s.Spec.Service]; down {
			f.Gap = max(f.Gap, f.now-since)
			delete(f.down, s.Spec.Service)
		}
	case *ReleaseStep:
		wait := f.now - f.held[s.Service]
		delete(f.held, s.Service)
		f.Wait = max(f.Wait, min(wait, s.Limit))
		f.Page = max(f.Page, wait-s.Limit)
	}
}

// takes is how long a step took before, or a guess.
func (f *forecaster) takes(step Step) time.Duration {
	if _, isStart := step.(*StartStep); isStart {
		return engineTime
	}
	if took, what := f.dataTakes(step); what != "" {
		if what == guessedData {
			f.Guessed = append(f.Guessed, "size of the backup")
		}
		return took
	}
	verb, serviceName := Measured(step)
	if verb == "" {
		return 0
	}
	if took := f.state.StepTimes[StepKey(verb, serviceName)]; took > 0 {
		return took
	}
	f.Guessed = append(f.Guessed, fmt.Sprintf("%s of %s", verb, serviceName))
	return guesses[verb]
}

// StepKey names a kind of step of one service in State.StepTimes.
func StepKey(verb, serviceName string) string { return verb + " " + serviceName }
