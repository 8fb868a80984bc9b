package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gapless/internal/engine"
	"gapless/internal/update"
)

// A plan that needs the name of somebody else's container is refused before
// anything is touched; one that makes room for itself is not.
func TestNamesOfStrangersAreRefused(t *testing.T) {
	holders := map[string]string{"shop-api-2": "somebody else", "shop-db": "docker compose of project shop"}
	holderOf := func(_ context.Context, name string) (*engine.ForeignContainerError, error) {
		if origin := holders[name]; origin != "" {
			return &engine.ForeignContainerError{Name: name, ID: "abcdef", Origin: origin}, nil
		}
		return nil, nil
	}
	plan := func(names ...string) update.Plan {
		var steps []update.Step
		for _, name := range names {
			steps = append(steps, &update.StartStep{Name: name})
		}
		return update.Plan{Phases: []update.Phase{{Name: update.PhaseShift, Steps: steps}}}
	}
	state := update.State{Containers: []update.Container{{Name: "shop-db", Service: "db"}}}
	s := &session{}
	if err := s.freeNames(t.Context(), state, plan("shop-db", "shop-api-3"), holderOf); err != nil {
		t.Errorf("refused: %v", err)
	}
	err := s.freeNames(t.Context(), state, plan("shop-api-2"), holderOf)
	var status *exitStatus
	if !errors.As(err, &status) || status.code != exitRefused || !strings.Contains(err.Error(), "shop-api-2") || status.hint == "" {
		t.Errorf("got %v", err)
	}
}
