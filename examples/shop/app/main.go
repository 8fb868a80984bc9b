// Command shop is the example application that Gapless is shown and tested
// with: one binary, one subcommand per Compose service. It uses the standard
// library only, so that it builds into an image from scratch without a
// registry, and it keeps a journal that makes lost and doubled work visible.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
)

// services are the subcommands, in the order in which help prints them.
var services = []struct {
	name    string
	summary string
	run     func(context.Context) error
}{
	{"api", "serve the HTTP API", runAPI},
	{"worker", "process the jobs that orders leave behind", runWorker},
	{"scheduler", "write one tick per second", runScheduler},
	{"store", "keep the journal, the keys and the job queue", runStore},
	{"migrate", "bring the store to this version's schema, then exit", runMigrate},
	{"health", "ask this container's own /health; exit 1 unless it answers 200", runHealth},
}

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	if len(os.Args) < 2 {
		usage()
	}
	for _, service := range services {
		if service.name != os.Args[1] {
			continue
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		if service.name != "health" {
			log.SetPrefix(fmt.Sprintf("%s %s %s: ", service.name, version, instance()))
			faults.begin(service.name)
		}
		if err := service.run(ctx); err != nil {
			log.Print(err)
			os.Exit(1)
		}
		return
	}
	usage()
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: shop SERVICE")
	for _, service := range services {
		fmt.Fprintf(os.Stderr, "  %-10s %s\n", service.name, service.summary)
	}
	os.Exit(2)
}
