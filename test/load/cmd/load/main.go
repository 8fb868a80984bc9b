// Command load sends traffic to an application and says what was lost. It
// ends after -for, or at SIGINT or SIGTERM, and exits 1 when anything failed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"gapless/test/load"
)

func main() {
	clean, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
	if !clean {
		os.Exit(1)
	}
}

func run(arguments []string) (clean bool, err error) {
	config := load.Default("http://127.0.0.1:8080")
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&config.URL, "url", config.URL, "address of the application")
	flags.StringVar(&config.Host, "host", "", "Host header")
	flags.IntVar(&config.RatePerSecond, "rate", config.RatePerSecond, "requests per second")
	flags.Float64Var(&config.KeepAliveShare, "keep", config.KeepAliveShare, "share of requests on kept connections")
	flags.DurationVar(&config.Timeout, "timeout", config.Timeout, "of one request")
	flags.BoolVar(&config.Streams, "streams", false, "also keep a WebSocket and an event stream")
	flags.Int64Var(&config.TransferBytes, "transfer", 0, "also upload and download this many bytes")
	flags.DurationVar(&config.TransferSpread, "transfer-spread", config.TransferSpread, "time that a transfer takes")
	flags.BoolVar(&config.CompareJournal, "journal", true, "compare with the application's journal")
	paths := flags.String("paths", "", "comma-separated paths to GET, for an application other than the example")
	expect := flags.String("expect", "", "version that must have given the last answers")
	length := flags.Duration("for", 0, "length of the run; 0 = until a signal")
	file := flags.String("json", "", "write the report to this file")
	flags.Parse(arguments)
	if *paths != "" {
		config.Targets = load.Paths(strings.Split(*paths, ",")...)
		config.CompareJournal = false
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	traffic, err := load.Start(ctx, config)
	if err != nil {
		return false, err
	}
	var ended <-chan time.Time
	if *length > 0 {
		ended = time.After(*length)
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	report := traffic.Stop()
	report.Print(os.Stdout)
	if served := report.Served(); *expect != "" && served != *expect {
		fmt.Printf("version   %q gave the last answers, expected %q\n", served, *expect)
		return false, nil
	}
	if *file != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return false, err
		}
		if err := os.WriteFile(*file, append(text, '\n'), 0o644); err != nil {
			return false, err
		}
	}
	return report.Clean(), nil
}
