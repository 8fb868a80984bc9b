package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// bootProbe is the time between two looks at a container that boots.
const bootProbe = 5 * time.Millisecond

// bootAlone measures what the new version needs by itself: a container of the
// API, started by docker alone in the network of the running application and
// under the same traffic. The boot is from the start of its process, as the
// engine notes it, to its first good answer.
func (s *stack) bootAlone(ctx context.Context, tag string) (time.Duration, error) {
	name := project + "-boot"
	defer func() {
		_, _ = output(context.WithoutCancel(ctx), "docker", "rm", "--force", name)
	}()
	if _, err := output(ctx, "docker", "run", "--detach", "--name", name, "--network", project+"_default", "shop:"+tag, "api"); err != nil {
		return 0, err
	}
	facts, err := output(ctx, "docker", "inspect", "--format",
		"{{.State.StartedAt}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
	if err != nil {
		return 0, err
	}
	at, address, _ := strings.Cut(strings.TrimSpace(facts), " ")
	began, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return 0, err
	}
	answered, err := firstAnswer(ctx, "http://"+address+":8000/health")
	return answered.Sub(began), err
}

// firstAnswer polls until an address answers well.
func firstAnswer(ctx context.Context, address string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		response, err := client.Get(address)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return time.Now(), nil
			}
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("%s does not answer: %v", address, err)
		case <-time.After(bootProbe):
		}
	}
}

// startedAt is when the engine noted the start of the newest container of the
// API.
func (s *stack) startedAt(ctx context.Context) (time.Time, error) {
	found, err := output(ctx, "docker", "ps", "--quiet", "--latest", "--filter", "label=com.docker.compose.project="+project,
		"--filter", "label=com.docker.compose.service=api")
	if err != nil {
		return time.Time{}, err
	}
	text, err := output(ctx, "docker", "inspect", "--format", "{{.State.StartedAt}}", strings.TrimSpace(found))
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, strings.TrimSpace(text))
}
