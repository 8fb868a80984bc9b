package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"gapless/test/load"
)

// result is what one way cost. A figure that was not measured is nil.
type result struct {
	Way               string      `json:"way"`
	TookSeconds       float64     `json:"took_seconds"`        // the command itself
	BootAloneSeconds  float64     `json:"boot_alone_seconds"`  // of the new version
	StartAloneSeconds float64     `json:"start_alone_seconds"` // of the engine: to create and start one container
	StopAloneSeconds  float64     `json:"stop_alone_seconds"`  // of the engine: to end one after its stop signal
	OldStoppedSeconds *float64    `json:"old_stopped_seconds"` // until the last old container died; split into the next four
	BootSeconds       *float64    `json:"boot_seconds"`
	ClientsSeconds    *float64    `json:"clients_seconds"`
	EngineSeconds     *float64    `json:"engine_seconds"`
	OwnSeconds        *float64    `json:"own_seconds"`
	OwnByStep         []share     `json:"own_by_step,omitempty"` // of Gapless
	Served            string      `json:"served"`                // version that served at the end
	All               load.Report `json:"all"`
	Before            load.Report `json:"before"`
	During            load.Report `json:"during"`
	After             load.Report `json:"after"`
}

// measure deploys the old version, updates it under traffic and removes it.
func measure(ctx context.Context, way way, s settings) (r result, err error) {
	state, err := os.MkdirTemp("", "gapless-bench-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(state)
	app := &stack{way: way, port: s.port, state: state}
	if err := app.remove(); err != nil {
		return r, err
	}
	defer func() {
		if removeErr := app.remove(); err == nil {
			err = removeErr
		}
	}()
	if _, err := app.run(ctx, oldTag, way.first); err != nil {
		return r, err
	}
	if err := app.waitUntilServed(ctx); err != nil {
		return r, err
	}
	return app.updateUnderLoad(ctx, s)
}

func (app *stack) updateUnderLoad(ctx context.Context, s settings) (result, error) {
	r := result{Way: app.way.name}
	old, err := app.containers(ctx)
	if err != nil {
		return r, err
	}
	traffic, err := load.Start(ctx, app.traffic(s))
	if err != nil {
		return r, err
	}
	time.Sleep(s.margin)
	tag := app.way.tag()
	alone, err := app.measureAlone(ctx, tag)
	if err != nil {
		return r, err
	}
	r.BootAloneSeconds = alone.boot.Seconds()
	r.StartAloneSeconds, r.StopAloneSeconds = alone.start.Seconds(), alone.stop.Seconds()
	dying, err := watchDeaths(ctx)
	if err != nil {
		return r, err
	}
	begin := time.Now()
	said, updateErr := app.run(ctx, tag, app.way.update)
	end := time.Now()
	time.Sleep(s.margin)
	r.All = traffic.Stop()
	last := dying.last(old)
	if updateErr != nil {
		return r, updateErr
	}
	r.TookSeconds = end.Sub(begin).Seconds()
	r.split(begin, end)
	if started, err := app.startedAt(ctx); err == nil && !last.IsZero() {
		r.share(newShares(span{begin, last}, started, alone, oldAnswers(r.All, oldTag)), said)
	}
	r.All.Print(os.Stderr)
	return r, nil
}

// share writes down where the time went until the last old container died.
func (r *result) share(s shares, said string) {
	r.OldStoppedSeconds, r.OwnSeconds = pointer(s.total.length().Seconds()), pointer(s.own().Seconds())
	r.BootSeconds, r.ClientsSeconds = pointer(s.boot.length().Seconds()), pointer(s.clients.without(s.boot).Seconds())
	r.EngineSeconds = pointer(s.engine().Seconds())
	if planned, steps := stepsOf(said); !planned.IsZero() {
		r.OwnByStep = s.ownByStep(planned, steps)
	}
}

func (app *stack) traffic(s settings) load.Config {
	config := load.Default(fmt.Sprintf("http://127.0.0.1:%d", app.port))
	config.RatePerSecond = s.rate
	config.Streams = s.streams
	return config
}

// split reports on the traffic before, during and after the update.
func (r *result) split(begin, end time.Time) {
	r.Before = r.All.Window(r.All.From, begin)
	r.During = r.All.Window(begin, end)
	r.After = r.All.Window(end, r.All.To)
	r.Served = r.After.Served()
}

func pointer(value float64) *float64 { return &value }
