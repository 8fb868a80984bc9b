package main

import (
	"context"
	"fmt"
	"log"
	"time"
)

// runScheduler writes one tick per second. Ticks of two instances that
// alternate in the journal prove that two schedulers ran at once.
func runScheduler(ctx context.Context) error {
	go serveHealth(ctx)
	client := newStoreClient()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	// A container that is started again runs another process: the one before it
	// is over, so that its ticks are no sign of two at once.
	process := fmt.Sprintf("%s/%d", instance(), time.Now().UnixMilli())
	for {
		ticked := note(tick, fmt.Sprintf("tick-%d", time.Now().Unix()))
		ticked.By = process
		if err := client.Append(ctx, ticked); err != nil && ctx.Err() == nil {
			log.Print(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// runMigrate stands in for a framework's migrations: it waits for the store,
// notes which version migrated, and exits.
func runMigrate(ctx context.Context) error {
	client := newStoreClient()
	for client.Healthy(ctx) != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	current, err := client.Key(ctx, "schema")
	if err != nil {
		return err
	}
	log.Printf("schema %q -> %q", current, version)
	schema := note(keySet, "schema")
	schema.Value = version
	return client.Append(ctx, schema)
}
