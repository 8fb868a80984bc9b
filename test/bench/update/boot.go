package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// alone is what the new version and the engine need by themselves, measured
// under the same traffic and without any tool: one container of the API in the
// network of the running application.
type alone struct {
	boot  time.Duration // from the start of its process, as the engine notes it, to its first good answer
	start time.Duration // of the engine: from the request to create it to the start of its process
	stop  time.Duration // of the engine: from its stop signal to its end
}

// measureAlone starts and stops a container by plain requests to the engine.
func (s *stack) measureAlone(ctx context.Context, tag string) (a alone, err error) {
	docker, name := engineClient(), project+"-alone"
	defer func() {
		_, _ = output(context.WithoutCancel(ctx), "docker", "rm", "--force", name)
	}()
	begin := time.Now()
	request := fmt.Sprintf(`{"Image":"shop:%s","Cmd":["api"],"HostConfig":{"NetworkMode":"%s_default"}}`, tag, project)
	if err := docker.call(ctx, http.MethodPost, "/containers/create?name="+name, request, nil); err != nil {
		return a, err
	}
	if err := docker.call(ctx, http.MethodPost, "/containers/"+name+"/start", "", nil); err != nil {
		return a, err
	}
	var facts struct {
		State           struct{ StartedAt time.Time }
		NetworkSettings struct {
			Networks map[string]struct{ IPAddress string }
		}
	}
	if err := docker.call(ctx, http.MethodGet, "/containers/"+name+"/json", "", &facts); err != nil {
		return a, err
	}
	address := facts.NetworkSettings.Networks[project+"_default"].IPAddress
	answered, err := firstAnswer(ctx, "http://"+net.JoinHostPort(address, "8000")+"/health")
	if err != nil {
		return a, err
	}
	a.boot = answered.Sub(facts.State.StartedAt)
	a.start = facts.State.StartedAt.Sub(begin)
	begin = time.Now()
	if err := docker.call(ctx, http.MethodPost, "/containers/"+name+"/kill?signal=SIGTERM", "", nil); err != nil {
		return a, err
	}
	if err := docker.call(ctx, http.MethodPost, "/containers/"+name+"/wait", "", nil); err != nil {
		return a, err
	}
	a.stop = time.Since(begin)
	return a, nil
}

// engineSocket speaks to the engine as docker does, without starting it.
type engineSocket struct{ http.Client }

func engineClient() *engineSocket {
	path := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if path == "" {
		path = "/var/run/docker.sock"
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &engineSocket{http.Client{Transport: &http.Transport{DialContext: dial}}}
}

func (e *engineSocket) call(ctx context.Context, method, path, body string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := e.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(text, answer)
	}
	return err
}

// bootProbe is the time between two looks at a container that boots.
const bootProbe = 5 * time.Millisecond

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
