// Command update runs the same update of the example application in several
// ways, one after the other, each under the same traffic, and prints the
// results side by side. The time until the last old container died is split into
// the boot of the new version, the clients' own requests, the engine's own time
// and the tool's; shares.go says how. Run it from the root of the repository:
//
//	go run ./test/bench/update -gapless build/gapless
//
// It needs a Docker engine, docker compose (scripts/tools.sh) and, for the
// guide's scripts, what scripts/tools.sh bench installs.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// settings are the flags.
type settings struct {
	gapless string
	rate    int
	port    int
	boot    time.Duration
	margin  time.Duration
	streams bool
	only    string
	file    string
}

func main() {
	var s settings
	flag.StringVar(&s.gapless, "gapless", os.Getenv("GAPLESS"), "path of the gapless binary; empty = leave it out")
	flag.IntVar(&s.rate, "rate", 200, "requests per second")
	flag.IntVar(&s.port, "port", 18090, "public port")
	flag.DurationVar(&s.boot, "boot", time.Second, "what the new version's boot takes at least")
	flag.DurationVar(&s.margin, "margin", 3*time.Second, "traffic before and after the update")
	flag.BoolVar(&s.streams, "streams", false, "also keep a WebSocket and an event stream; nginx then waits for them when it stops")
	flag.StringVar(&s.only, "only", "", "comma-separated names of the ways to run")
	flag.StringVar(&s.file, "json", "", "also write the results to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "update:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	if err := buildImages(ctx, s.boot); err != nil {
		return err
	}
	var results []result
	for _, way := range ways(s.gapless) {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), way.name) {
			continue
		}
		if way.needsFront {
			if err := command(ctx, nil, "scripts/guide/nginx-image.sh"); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", way.name, way.summary)
		one, err := measure(ctx, way, s)
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		results = append(results, one)
	}
	printTable(results)
	if s.file == "" {
		return nil
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.file, append(text, '\n'), 0o644)
}

// buildImages makes the two versions; the new one boots slowly, as real
// applications do.
func buildImages(ctx context.Context, boot time.Duration) error {
	if err := command(ctx, nil, "scripts/engine.sh"); err != nil {
		return err
	}
	if err := command(ctx, nil, "examples/shop/build.sh", oldTag); err != nil {
		return err
	}
	if err := command(ctx, nil, "examples/shop/build.sh", fastTag); err != nil {
		return err
	}
	arguments := []string{newTag}
	if boot > 0 {
		arguments = append(arguments, "slow-boot="+boot.String())
	}
	return command(ctx, nil, "examples/shop/build.sh", arguments...)
}

func printTable(results []result) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ttook s\told stopped s\t= own s\t+ boot s\t+ clients s\t+ engine s\trequests\tfailed\toutage ms\tp95 before\tduring\tafter ms\tnew version\t")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%.1f\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%.0f\t%.1f\t%.1f\t%.1f\t%s\t\n", r.Way, r.TookSeconds,
			seconds(r.OldStoppedSeconds), seconds(r.OwnSeconds), seconds(r.BootSeconds), seconds(r.ClientsSeconds), seconds(r.EngineSeconds), r.All.Requests, r.All.Failed,
			r.All.LongestOutageMS, r.Before.P95MS, r.During.P95MS, r.After.P95MS, r.Served)
	}
	w.Flush()
	for _, r := range results {
		var parts []string
		for _, part := range r.OwnByStep {
			parts = append(parts, fmt.Sprintf("%s %.2f", part.Name, part.Seconds))
		}
		if len(parts) > 0 {
			fmt.Printf("own time of %s in seconds: %s\n", r.Way, strings.Join(parts, ", "))
		}
		fmt.Printf("alone, under the traffic of %s, in seconds: boot %.2f; engine %.2f to create and start one container, %.2f to end it\n",
			r.Way, r.BootAloneSeconds, r.StartAloneSeconds, r.StopAloneSeconds)
	}
}

// seconds prints a figure that may not have been measured.
func seconds(value *float64) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *value)
}

// command runs a program with its output on standard error.
func command(ctx context.Context, environment []string, name string, arguments ...string) error {
	c := exec.CommandContext(ctx, name, arguments...)
	c.Env = append(os.Environ(), environment...)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(arguments, " "), err)
	}
	return nil
}
