// Command plan measures how long gapless plan takes on a project of twenty
// services that all run, and how long the program needs to start. Run it from
// the root of the repository:
//
//	go run ./test/bench/plan -gapless build/gapless
//
// It needs a Docker engine and docker compose (scripts/tools.sh).
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	image   = "gapless-bench-plan"
	project = "gapless-bench-plan"
)

func main() {
	gapless := flag.String("gapless", os.Getenv("GAPLESS"), "path of the gapless binary")
	services := flag.Int("services", 20, "number of services, one container each")
	rounds := flag.Int("rounds", 10, "measurements of each command; the median is printed")
	goal := flag.Duration("goal", 0, "fail if a plan takes longer than this; 0 = never")
	flag.Parse()
	if err := run(*gapless, *services, *rounds, *goal); err != nil {
		fmt.Fprintln(os.Stderr, "plan:", err)
		os.Exit(1)
	}
}

// bench is a project in a directory of its own.
type bench struct {
	directory string
	gapless   string
}

func run(gapless string, services, rounds int, goal time.Duration) (err error) {
	program, err := filepath.Abs(gapless)
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "gapless-bench-plan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	b := &bench{directory: directory, gapless: program}
	defer func() { err = errors.Join(err, b.remove()) }()
	if err := b.deploy(services); err != nil {
		return err
	}
	return b.measure(services, rounds, goal)
}

// deploy builds two versions and starts the old one.
func (b *bench) deploy(services int) error {
	for _, version := range []string{"old", "new"} {
		if _, err := command("", []string{"SHOP_IMAGE=" + image}, "examples/shop/build.sh", version); err != nil {
			return err
		}
	}
	text := "services:\n"
	for i := range services {
		text += fmt.Sprintf("  service%02d:\n    image: %s:${TAG}\n    command: [api]\n", i+1, image)
	}
	if err := os.WriteFile(filepath.Join(b.directory, "compose.yaml"), []byte(text), 0o644); err != nil {
		return err
	}
	_, err := b.command("old", "docker", "compose", "up", "--detach")
	return err
}

func (b *bench) remove() error {
	_, downErr := b.command("old", "docker", "compose", "down", "--timeout", "1")
	_, imageErr := command("", nil, "docker", "rmi", image+":old", image+":new")
	return errors.Join(downErr, imageErr)
}

// measure prints the median of each command.
func (b *bench) measure(services, rounds int, goal time.Duration) error {
	for _, m := range []struct {
		what, tag string
		arguments []string
		isPlan    bool
	}{
		{"gapless version", "old", []string{"version"}, false},
		{"gapless plan, nothing changed", "old", []string{"plan"}, true},
		{fmt.Sprintf("gapless plan, all %d changed", services), "new", []string{"plan"}, true},
	} {
		var times []time.Duration
		for range rounds {
			begin := time.Now()
			if _, err := b.command(m.tag, b.gapless, m.arguments...); err != nil {
				return err
			}
			times = append(times, time.Since(begin))
		}
		slices.Sort(times)
		median := times[len(times)/2]
		fmt.Printf("%-32s median %4d ms  fastest %4d ms  slowest %4d ms  of %d\n", m.what, median.Milliseconds(),
			times[0].Milliseconds(), times[len(times)-1].Milliseconds(), rounds)
		if m.isPlan && goal > 0 && median > goal {
			return fmt.Errorf("%s took %s, the goal is %s", m.what, median.Round(time.Millisecond), goal)
		}
	}
	return nil
}

func (b *bench) command(tag, name string, arguments ...string) (string, error) {
	return command(b.directory, []string{"TAG=" + tag, "COMPOSE_PROJECT_NAME=" + project,
		"GAPLESS_STATE_DIR=" + filepath.Join(b.directory, "state")}, name, arguments...)
}

func command(directory string, environment []string, name string, arguments ...string) (string, error) {
	c := exec.Command(name, arguments...)
	c.Dir = directory
	c.Env = append(os.Environ(), environment...)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, output.String())
	}
	return output.String(), nil
}
