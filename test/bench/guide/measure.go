package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gapless/test/load"
	"gapless/test/stack"
)

// taskPatience is how long tasks may take after the update.
const taskPatience = 2 * time.Minute

// result is what one way cost.
type result struct {
	Way         string        `json:"way"`
	TookSeconds float64       `json:"took_seconds"`
	Served      string        `json:"served"` // version that served at the end
	Said        string        `json:"said,omitempty"`
	All         load.Report   `json:"all"`
	Before      load.Report   `json:"before"`
	During      load.Report   `json:"during"`
	Account     stack.Account `json:"account"`
}

// way is one manner to bring a pushed change into service.
type way struct {
	name    string
	summary string
	prepare func(ctx context.Context, s *stack.Stack) error // once the stack serves
	update  func(ctx context.Context, s *stack.Stack) error
}

// ways returns all of them; those of Gapless only when there is a binary.
func ways(gapless string) []way {
	script := func(name string) func(context.Context, *stack.Stack) error {
		return func(ctx context.Context, s *stack.Stack) error {
			_, err := s.Deploy(ctx, name)
			return err
		}
	}
	nothing := func(context.Context, *stack.Stack) error { return nil }
	all := []way{
		{"hot-reload", "the guide's hot reload: docker compose restart", nothing, script("hot-reload")},
		{"rolling-update", "the guide's rolling update", nothing, script("rolling-update")},
		{"quick-update", "the guide's quick update: down, build, up, migrate", nothing, script("quick-update")},
		{"up", "git pull && docker compose up -d --build", nothing, func(ctx context.Context, s *stack.Stack) error {
			return inCheckout(ctx, s, "git pull --quiet --ff-only && docker compose up -d --build")
		}},
	}
	if gapless == "" {
		return all
	}
	adopt := func(setup string, first ...string) func(context.Context, *stack.Stack) error {
		return func(ctx context.Context, s *stack.Stack) error {
			if err := s.Apply(ctx, setup); err != nil {
				return err
			}
			for _, name := range first {
				if err := inCheckout(ctx, s, "'"+gapless+"' update --yes "+name); err != nil {
					return err
				}
			}
			return inCheckout(ctx, s, "'"+gapless+"' update --yes")
		}
	}
	update := func(strategy string) func(context.Context, *stack.Stack) error {
		line := "git pull --quiet --ff-only && '" + gapless + "' update --yes --strategy " + strategy
		return func(ctx context.Context, s *stack.Stack) error { return inCheckout(ctx, s, line) }
	}
	var ours []way
	for _, strategy := range []string{"auto", "rolling", "blue-green", "reload", "quick"} {
		ours = append(ours, way{"gapless-" + strategy, "git pull && gapless update --strategy " + strategy + ", nginx passes requests to the edge",
			adopt("setup-socket"), update(strategy)})
	}
	ours = append(ours,
		way{"gapless-front", "git pull && gapless update, nginx behind the port of the edge", adopt("setup-front"), update("auto")},
		way{"gapless-native", "git pull && gapless update, nginx without the edge", adopt("setup-native", "nginx"), update("auto")})
	return append(ours, all...)
}

func inCheckout(ctx context.Context, s *stack.Stack, line string) error {
	command := s.Command(ctx, "sh", "-c", line)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", line, err, output)
	}
	return nil
}

// measure deploys the stack, updates it under traffic and removes it.
func measure(ctx context.Context, way way, s settings) (r result, err error) {
	app, err := stack.New(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, app.Remove()) }()
	if err := app.Up(ctx); err != nil {
		return r, err
	}
	if err := way.prepare(ctx, app); err != nil {
		return r, err
	}
	if err := app.Push(ctx, s.change); err != nil {
		return r, err
	}
	return updateUnderLoad(ctx, way, app, s)
}

func updateUnderLoad(ctx context.Context, way way, app *stack.Stack, s settings) (result, error) {
	r := result{Way: way.name}
	config := app.Traffic()
	config.RatePerSecond = s.rate
	traffic, err := load.Start(ctx, config)
	if err != nil {
		return r, err
	}
	time.Sleep(s.margin)
	if err := app.QueueTasks(ctx, "during", s.tasks, 3*time.Second); err != nil {
		traffic.Stop()
		return r, err
	}
	begin := time.Now()
	updateErr := way.update(ctx, app)
	end := time.Now()
	time.Sleep(s.margin)
	r.All = traffic.Stop()
	r.Before, r.During = r.All.Window(r.All.From, begin), r.All.Window(begin, end)
	r.TookSeconds, r.Served = end.Sub(begin).Seconds(), r.All.Served()
	if updateErr != nil {
		// A way that ends badly is a result too.
		r.Said = strings.Join(strings.Fields(updateErr.Error()), " ")
		r.Said = r.Said[max(0, len(r.Said)-200):]
	}
	r.Account, err = app.Account(ctx, r.All, taskPatience)
	r.All.Print(os.Stderr)
	r.Account.Print(os.Stderr)
	return r, err
}
