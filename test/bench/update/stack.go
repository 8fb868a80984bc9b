package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const project = "shop-bench"

// stack is the example application while one way is measured.
type stack struct {
	way  way
	port int
	// state keeps what Gapless remembers apart from that of other projects.
	state string
}

func (s *stack) environment(tag string) []string {
	return []string{
		"COMPOSE_PROJECT_NAME=" + project,
		"COMPOSE_FILE=" + s.way.file,
		"SHOP_TAG=" + tag,
		"SHOP_STORE_TAG=" + oldTag,
		fmt.Sprintf("SHOP_PORT=%d", s.port),
		"GAPLESS_STATE_DIR=" + s.state,
		"GAPLESS_PROGRESS=json",
	}
}

// run calls a program for a version and returns what it said.
func (s *stack) run(ctx context.Context, tag string, arguments []string) (said string, err error) {
	c := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	c.Env = append(os.Environ(), s.environment(tag)...)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(arguments, " "), err, output.String())
	}
	return output.String(), nil
}

// remove takes everything away again, the data too.
func (s *stack) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	_, err := s.run(ctx, oldTag, []string{"docker", "compose", "-f", s.way.file, "down", "--volumes", "--timeout", "5"})
	if s.way.remove != nil {
		// Stopping an edge that is not there is no failure of the benchmark.
		_, _ = s.run(ctx, oldTag, s.way.remove)
	}
	pins, listErr := output(ctx, "docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "gapless-pin/"+project+"/*")
	if listErr == nil && pins != "" {
		_, listErr = s.run(ctx, oldTag, append([]string{"docker", "rmi"}, strings.Fields(pins)...))
	}
	return errors.Join(err, listErr)
}

// waitUntilServed polls the public port.
func (s *stack) waitUntilServed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second}
	for {
		response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/health", s.port))
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the application does not answer: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// containers returns the ids of the project's running application containers.
func (s *stack) containers(ctx context.Context) ([]string, error) {
	var ids []string
	for _, service := range []string{"api", "worker", "scheduler"} {
		found, err := output(ctx, "docker", "ps", "--quiet", "--no-trunc",
			"--filter", "label=com.docker.compose.project="+project,
			"--filter", "label=com.docker.compose.service="+service)
		if err != nil {
			return nil, err
		}
		ids = append(ids, strings.Fields(found)...)
	}
	return ids, nil
}

// deaths listens to the engine for containers that die. It listens live: the
// engine remembers a few hundred events only, and health checks fill them.
type deaths struct {
	events *exec.Cmd
	lines  bytes.Buffer
}

func watchDeaths(ctx context.Context) (*deaths, error) {
	d := &deaths{events: exec.CommandContext(ctx, "docker", "events", "--filter", "type=container",
		"--filter", "event=die", "--format", "{{.ID}} {{.TimeNano}}")}
	d.events.Stdout = &d.lines
	return d, d.events.Start()
}

// last ends the listening and returns when the last of ids died, zero if none
// did.
func (d *deaths) last(ids []string) (last time.Time) {
	_ = d.events.Process.Kill()
	_ = d.events.Wait() // always an error: it was killed
	for _, line := range strings.Split(strings.TrimSpace(d.lines.String()), "\n") {
		var id string
		var nanoseconds int64
		if n, _ := fmt.Sscan(line, &id, &nanoseconds); n == 2 && slices.Contains(ids, id) {
			last = time.Unix(0, nanoseconds)
		}
	}
	return last
}

func output(ctx context.Context, name string, arguments ...string) (string, error) {
	text, err := exec.CommandContext(ctx, name, arguments...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(arguments, " "), err)
	}
	return string(text), nil
}
