package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gapless/internal/change"
	"gapless/internal/engine"
	"gapless/internal/update"
)

const (
	// askLimit bounds the question to one image.
	askLimit = time.Minute
	// askLines is how much of the answer is read.
	askLines = 2000
)

// askPending asks new images which migrations are due, where nothing else
// tells: their source is not here. An image that does not answer is said, and
// counts as one with migrations that nobody knows.
func (s *session) askPending(ctx context.Context, state *update.State, changes []change.Change) {
	for _, c := range changes {
		service, _ := s.project.Service(c.Service)
		if _, known := state.Pending[c.Service]; known || len(service.Pending) == 0 || c.Build || c.Pull || c.Source.Known || !c.Has(change.KindImage) {
			continue
		}
		printed, err := s.ask(ctx, c.Service, service.Pending)
		if err != nil {
			fmt.Fprintf(s.app.err, "warning: %s: %s does not say which migrations are due: %v\n", c.Service, strings.Join(service.Pending, " "), err)
			continue
		}
		if state.Pending == nil {
			state.Pending = map[string][]string{}
		}
		state.Pending[c.Service] = service.PlannedMigrations(printed)
	}
}

// ask runs a command that changes nothing in the new image of a service.
func (s *session) ask(ctx context.Context, serviceName string, command []string) ([]string, error) {
	run := newRunID()
	env := s.askEnv(run, askLines)
	spec := update.CreateSpec{Service: serviceName, Name: fmt.Sprintf("%s-%s-ask-%s", s.project.Name, serviceName, run), Run: run, Command: command}
	return update.Ask(ctx, env, spec, askLimit)
}

// askEnv is the world of a question whose answer has at most so many lines.
func (s *session) askEnv(run string, lines int) *update.Env {
	return &update.Env{Creator: s.bench, Containers: s.bench, Clock: wallClock{}, Run: run, Unavailable: engine.Unavailable,
		Logs: func(ctx context.Context, name string) []string {
			printed, err := s.engine.Logs(ctx, name, lines)
			if err != nil {
				return []string{"(its log cannot be read: " + err.Error() + ")"}
			}
			return printed
		}}
}
