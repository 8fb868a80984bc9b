// Command guide measures what the audience's own ways to update lose, on the
// stack of the audience and beside Gapless: the same change, the same traffic,
// the same machine, one deployment after the other.
//
// It needs what scripts/tools.sh provides, and root for the first run, which
// makes the images.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// settings are the flags.
type settings struct {
	gapless string
	change  string
	rate    int
	margin  time.Duration
	tasks   int
	only    string
	file    string
}

func main() {
	var s settings
	flag.StringVar(&s.gapless, "gapless", os.Getenv("GAPLESS"), "path of the gapless binary; empty = leave it out")
	flag.StringVar(&s.change, "change", "code", "what the developers pushed; see test/stack/stack.sh changes")
	flag.IntVar(&s.rate, "rate", 100, "requests per second")
	flag.DurationVar(&s.margin, "margin", 3*time.Second, "traffic before and after the update")
	flag.IntVar(&s.tasks, "tasks", 10, "tasks of three seconds that are queued when the update begins")
	flag.StringVar(&s.only, "only", "", "comma-separated names of the ways to run")
	flag.StringVar(&s.file, "json", "", "also write the results to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "guide:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	if s.gapless != "" {
		absolute, err := filepath.Abs(s.gapless)
		if err != nil {
			return err
		}
		s.gapless = absolute // it runs in the checkout
	}
	var results []result
	for _, way := range ways(s.gapless) {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), way.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", way.name, way.summary)
		one, err := measure(ctx, way, s)
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		results = append(results, one)
	}
	if len(results) == 0 {
		return errors.New("no such way")
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

func printTable(results []result) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\ttook s\trequests\tfailed\toutage ms\tp95 before\tduring ms\tmax ms\tposts lost\tdoubled\ttasks lost\tdoubled\tbeats at once\tno tick s\tserves\t")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%.1f\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%d\t%d\t%d\t%.1f\t%s\t\n", r.Way, r.TookSeconds,
			r.All.Requests, r.All.Failed, r.All.LongestOutageMS, r.Before.P95MS, r.During.P95MS, r.During.MaxMS,
			len(r.Account.LostPosts), len(r.Account.DoubledPosts), len(r.Account.LostTasks), len(r.Account.DoubledTasks),
			len(r.Account.Overlaps), r.Account.LongestTickGap.Seconds(), r.Served)
	}
	w.Flush()
	for _, r := range results {
		if r.Said != "" {
			fmt.Printf("%s ended with an error: %s\n", r.Way, r.Said)
		}
	}
}
