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

// options are the flags beside the configuration of the traffic.
type options struct {
	config load.Config
	length time.Duration
	expect string
	file   string
}

func parse(arguments []string) options {
	o := options{config: load.Default("http://127.0.0.1:8080")}
	c := &o.config
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&c.URL, "url", c.URL, "address of the application")
	flags.StringVar(&c.Host, "host", "", "Host header")
	flags.IntVar(&c.RatePerSecond, "rate", c.RatePerSecond, "requests per second")
	flags.Float64Var(&c.KeepAliveShare, "keep", c.KeepAliveShare, "share of requests on kept connections")
	flags.DurationVar(&c.Timeout, "timeout", c.Timeout, "of one request")
	flags.BoolVar(&c.Streams, "streams", false, "also keep a WebSocket and an event stream")
	flags.Int64Var(&c.TransferBytes, "transfer", 0, "also upload and download this many bytes")
	flags.DurationVar(&c.TransferSpread, "transfer-spread", c.TransferSpread, "time that a transfer takes")
	flags.BoolVar(&c.CompareJournal, "journal", true, "compare with the application's journal")
	paths := flags.String("paths", "", "comma-separated paths to GET, for an application other than the example")
	flags.StringVar(&o.expect, "expect", "", "version that must have given the last answers")
	flags.DurationVar(&o.length, "for", 0, "length of the run; 0 = until a signal")
	flags.StringVar(&o.file, "json", "", "write the report to this file")
	flags.Parse(arguments)
	if *paths != "" {
		c.Targets = load.Paths(strings.Split(*paths, ",")...)
		c.CompareJournal = false
	}
	return o
}

func run(arguments []string) (clean bool, err error) {
	o := parse(arguments)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	traffic, err := load.Start(ctx, o.config)
	if err != nil {
		return false, err
	}
	if o.length > 0 {
		limited, cancel := context.WithTimeout(ctx, o.length)
		defer cancel()
		<-limited.Done()
	} else {
		<-ctx.Done()
	}
	report := traffic.Stop()
	report.Print(os.Stdout)
	clean = report.Clean()
	if served := report.Served(); o.expect != "" && served != o.expect {
		fmt.Printf("version   %q gave the last answers, expected %q\n", served, o.expect)
		clean = false
	}
	if o.file == "" {
		return clean, nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return false, err
	}
	return clean, os.WriteFile(o.file, append(text, '\n'), 0o644)
}
