// Command gapless-edge is the data plane of Gapless: a reverse proxy that loses no
// request while the containers behind it are replaced.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"gapless/internal/edge"
)

// version is set by the linker.
var version = "dev"

const usage = `usage: gapless-edge run --state-dir DIR [--drain DURATION] [--await-addresses]
       gapless-edge version
`

// Collecting rarely costs memory only while there is traffic: the path of a request
// allocates little, and an idle edge gives its memory back.
const (
	collectPercent = 200
	memoryLimit    = 512 << 20
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(arguments []string, out, errors io.Writer) int {
	if len(arguments) == 1 && arguments[0] == "version" {
		fmt.Fprintln(out, version)
		return 0
	}
	if len(arguments) == 0 || arguments[0] != "run" {
		fmt.Fprint(errors, usage)
		return 2
	}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(errors)
	directory := flags.String("state-dir", "/var/lib/gapless", "directory of the sockets and the snapshot")
	drain := flags.Duration("drain", 30*time.Second, "how long requests may still run after a SIGTERM")
	await := flags.Bool("await-addresses", false, "after a start, let requests wait until gapless edge follow says where the containers are")
	if err := flags.Parse(arguments[1:]); err != nil || flags.NArg() > 0 {
		fmt.Fprint(errors, usage)
		return 2
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	return serve(*directory, *drain, *await, slog.New(slog.NewTextHandler(errors, nil)))
}

func serve(directory string, drain time.Duration, await bool, log *slog.Logger) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	inherited, err := edge.Inherited()
	if err == nil {
		err = edge.New(edge.Options{
			StateDirectory: directory, Version: version, Log: log,
			Inherited: inherited, DrainMaxWait: drain, AwaitAddresses: await,
		}).Run(ctx)
	}
	if err != nil {
		log.Error("edge ended", "error", err)
		return 1
	}
	return 0
}
