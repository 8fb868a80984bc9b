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
	OldStoppedSeconds *float64    `json:"old_stopped_seconds"` // until the last old container died
	BootSeconds       *float64    `json:"boot_seconds"`        // of the new version, as far as the old one waited for it
	OwnSeconds        *float64    `json:"own_seconds"`         // until the old container died, less the boot
	Served            string      `json:"served"`              // version that served at the end
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
	if err := app.run(ctx, oldTag, way.first); err != nil {
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
	tag := newTag
	if app.way.sameVersion {
		tag = oldTag
	}
	dying, err := watchDeaths(ctx)
	if err != nil {
		return r, err
	}
	begin := time.Now()
	updateErr := app.run(ctx, tag, app.way.update)
	end := time.Now()
	time.Sleep(s.margin)
	r.All = traffic.Stop()
	last := dying.last(old)
	if updateErr != nil {
		return r, updateErr
	}
	r.TookSeconds = end.Sub(begin).Seconds()
	r.split(begin, end)
	booting, listened, err := app.boot(ctx)
	if err == nil && !last.IsZero() {
		if app.way.sameVersion {
			booting = listened // the old container itself, started again
		}
		r.shares(begin, last, booting, listened)
	}
	r.All.Print(os.Stderr)
	return r, nil
}

// shares splits the time until the last old container died. A boot that began
// afterwards has no share in it: that is the outage.
func (r *result) shares(begin, last, booting, listened time.Time) {
	total, boot := last.Sub(begin).Seconds(), 0.0
	if listened.Before(last) {
		boot = max(0, listened.Sub(booting).Seconds())
	}
	r.OldStoppedSeconds, r.BootSeconds, r.OwnSeconds = pointer(total), pointer(boot), pointer(total-boot)
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
