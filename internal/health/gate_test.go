package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/update"
)

// fakeEngine has one container, which a test changes over time.
type fakeEngine struct {
	mu        sync.Mutex
	container update.Container
	err       error
	exec      func(argv []string) (int, string, error)
}

func (f *fakeEngine) Inspect(context.Context, string) (update.Container, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.container, f.err
}

func (f *fakeEngine) Logs(_ context.Context, _ string, tail int) ([]string, error) {
	var lines []string
	for i := range tail + 5 {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	return lines, nil
}

func (f *fakeEngine) Exec(_ context.Context, _ string, argv []string, _ time.Duration) (int, string, error) {
	return f.exec(argv)
}

// after changes the container later.
func (f *fakeEngine) after(d time.Duration, change func(c *update.Container)) {
	time.AfterFunc(d, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		change(&f.container)
	})
}

func runningContainer() update.Container {
	return update.Container{Name: "shop-api-2", ID: "abc", PID: 7, Running: true, Restart: "no", StartedAt: time.Now()}
}

func edgeSpec() update.GateSpec {
	return update.GateSpec{Service: "api", Container: "shop-api-2", Kind: update.GateEdge, Port: 8000, Host: "shop.example",
		HealthPath: "/health/", Timeout: 5 * time.Second, Deadline: 30 * time.Second, Successes: 3}
}

// answers gives one answer per request, the last one for ever; a negative
// status is a refused connection.
func answers(statuses ...int) EdgeProbe {
	count := 0
	return func(_ context.Context, _, _ string, req *http.Request) (*http.Response, error) {
		status := statuses[min(count, len(statuses)-1)]
		count++
		if status < 0 {
			return nil, errors.New("connection refused")
		}
		return respond(status, "https://shop.example"+req.URL.Path), nil
	}
}

func respond(status int, location string) *http.Response {
	response := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("body"))}
	if status >= 300 && status < 400 {
		response.Header.Set("Location", location)
	}
	return response
}

func gateError(t *testing.T, err error, reason, last string) {
	t.Helper()
	var failed *update.GateError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, not a gate error", err)
	}
	if !strings.Contains(failed.Reason, reason) || !strings.Contains(failed.Last, last) {
		t.Errorf("reason %q, last %q; want %q, %q", failed.Reason, failed.Last, reason, last)
	}
	if len(failed.Logs) != logLines || failed.Logs[logLines-1] != "line 24" {
		t.Errorf("log %q", failed.Logs)
	}
}

func TestGatePassesAfterSuccessesInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{container: runningContainer()}
		var seen []int
		begin := time.Now()
		err := NewGate(engine, answers(-1, 503, 200, 200, 500, 200)).Gate(t.Context(), edgeSpec(), func(p update.Probe) { seen = append(seen, p.InARow) })
		if diff := cmp.Diff([]int{0, 0, 1, 2, 0, 1, 2, 3}, seen); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if took := time.Since(begin); took != 7*probeEvery {
			t.Errorf("took %s", took)
		}
	})
}

func TestGateWaitsForMinReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{container: runningContainer()}
		engine.container.StartedAt = time.Now().Add(-2 * time.Second)
		spec := edgeSpec()
		spec.MinReady = 5*time.Second + probeEvery/2 // between two looks of the usual pace
		begin := time.Now()
		if err := NewGate(engine, answers(200)).Gate(t.Context(), spec, func(update.Probe) {}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 3*time.Second+probeEvery/2 {
			t.Errorf("passed after %s", took)
		}
	})
}

func TestGateFails(t *testing.T) {
	for name, test := range map[string]struct {
		statuses []int
		change   func(c *update.Container)
		reason   string
		last     string
		within   time.Duration
	}{
		"redirect":       {[]int{301}, nil, "not healthy within 30 s", "301 to https://shop.example/health/: the health path redirects; set route.health", 30 * time.Second},
		"unhealthy":      {[]int{503}, nil, "not healthy within 30 s", "503 Service Unavailable in 0 ms", 30 * time.Second},
		"bad host":       {[]int{400}, nil, "not healthy within 30 s", `accept the host name "shop.example"`, 30 * time.Second},
		"exits":          {[]int{503}, func(c *update.Container) { c.Running, c.ExitCode = false, 1 }, "exited with code 1", "503", 2 * time.Second},
		"no command":     {[]int{503}, func(c *update.Container) { c.Running, c.ExitCode = false, 127 }, "its command was not found", "503", 2 * time.Second},
		"out of memory":  {[]int{503}, func(c *update.Container) { c.Running, c.OOMKilled, c.ExitCode = false, true, 137 }, "ran out of memory", "503", 2 * time.Second},
		"child killed":   {[]int{200, 503}, func(c *update.Container) { c.OOMKilled = true }, "ran out of memory", "503", 2 * time.Second},
		"replaced":       {[]int{503}, func(c *update.Container) { c.ID = "def" }, "was replaced", "503", 2 * time.Second},
		"restarted":      {[]int{503}, func(c *update.Container) { c.PID = 8 }, "was restarted by somebody else", "503", 2 * time.Second},
		"keeps crashing": {[]int{200, 200, 503}, func(c *update.Container) { c.Restart, c.Restarting = "always", true }, "not healthy within 30 s", "being restarted", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := &fakeEngine{container: runningContainer()}
				if test.change != nil {
					engine.after(time.Second, test.change)
				}
				begin := time.Now()
				err := NewGate(engine, answers(test.statuses...)).Gate(t.Context(), edgeSpec(), func(update.Probe) {})
				gateError(t, err, test.reason, test.last)
				if took := time.Since(begin); took > test.within {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// Where the plan made the deadline shorter than that of the service, the failure
// has its reason.
func TestGateSaysWhyItsDeadlineIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := edgeSpec()
		spec.Why = "requests wait, and the version before took 2 s"
		err := NewGate(&fakeEngine{container: runningContainer()}, answers(503)).Gate(t.Context(), spec, func(update.Probe) {})
		gateError(t, err, "not healthy within 30 s ("+spec.Why+")", "503")
	})
}

// What failed is said, not the health check that says yes all the while.
func TestGateSaysWhichSmokePathFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := edgeSpec()
		spec.Smoke = []string{"/"}
		probe := func(_ context.Context, _, _ string, req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/" {
				return respond(500, ""), nil
			}
			return respond(200, ""), nil
		}
		err := NewGate(&fakeEngine{container: runningContainer()}, probe).Gate(t.Context(), spec, func(update.Probe) {})
		gateError(t, err, "not healthy within 30 s", "smoke /: 500")
	})
}

// A container that dies while it answers well must not pass with its last
// answer, nor may the answers of two processes add up.
func TestGateLooksAgainAfterTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{container: runningContainer()}
		count := 0
		probe := func(context.Context, string, string, *http.Request) (*http.Response, error) {
			if count++; count == 3 {
				engine.container.Running, engine.container.ExitCode = false, 3
			}
			return respond(200, ""), nil
		}
		gateError(t, NewGate(engine, probe).Gate(t.Context(), edgeSpec(), func(update.Probe) {}), "exited with code 3", "200 OK")
	})
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{container: runningContainer()}
		engine.container.Restart = "always"
		engine.after(150*time.Millisecond, func(c *update.Container) { c.RestartCount++; c.PID = 8; c.StartedAt = time.Now() })
		var seen []int
		err := NewGate(engine, answers(200)).Gate(t.Context(), edgeSpec(), func(p update.Probe) { seen = append(seen, p.InARow) })
		if diff := cmp.Diff([]int{1, 2, 0, 1, 2, 3}, seen); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
}

func TestGateOutlivesAnEngineRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{container: runningContainer(), err: errors.New("cannot connect")}
		engine.after(5*time.Second, func(*update.Container) { engine.err = nil })
		if err := NewGate(engine, answers(200)).Gate(t.Context(), edgeSpec(), func(update.Probe) {}); err != nil {
			t.Error(err)
		}
	})
}

func TestGateOfAMissingContainer(t *testing.T) {
	engine := &fakeEngine{err: update.ErrNoContainer}
	gateError(t, NewGate(engine, answers(200)).Gate(t.Context(), edgeSpec(), func(update.Probe) {}), "is gone", "")
}

func TestGateStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := NewGate(&fakeEngine{container: runningContainer()}, answers(503)).Gate(ctx, edgeSpec(), func(update.Probe) {})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestGateRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeEngine{container: runningContainer()}
		spec := edgeSpec()
		spec.Kind, spec.MinReady = update.GateRunning, 10*time.Second
		begin := time.Now()
		if err := NewGate(engine, nil).Gate(t.Context(), spec, func(update.Probe) {}); err != nil || time.Since(begin) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		engine.container = runningContainer()
		engine.after(9*time.Second, func(c *update.Container) { c.Running, c.ExitCode = false, 1 })
		gateError(t, NewGate(engine, nil).Gate(t.Context(), spec, func(update.Probe) {}), "exited with code 1", "up for ")
	})
}

func TestHealthPathIsFound(t *testing.T) {
	for name, test := range map[string]struct {
		site map[string]int
		path string
		last string
	}{
		"second":        {map[string]int{"/healthz": 200, "/": 200}, "/healthz", ""},
		"home page":     {map[string]int{"/": 200}, "/", ""},
		"not well yet":  {map[string]int{"/healthz": 503, "/": 200}, "", "503 Service Unavailable in 0 ms (at /healthz)"},
		"nothing there": {map[string]int{"/": 302}, "", "no health path was found (/health/ 404, /healthz 404, /health 404, /up 404, /ready 404, / 302); set route.health"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				probe := func(_ context.Context, _, _ string, req *http.Request) (*http.Response, error) {
					status, there := test.site[req.URL.Path]
					if !there {
						status = 404
					}
					return respond(status, "/login/"), nil
				}
				gate, spec := NewGate(&fakeEngine{container: runningContainer()}, probe), edgeSpec()
				spec.HealthPath = ""
				err := gate.Gate(t.Context(), spec, func(update.Probe) {})
				if gate.HealthPath("api") != test.path {
					t.Errorf("found %q", gate.HealthPath("api"))
				}
				if test.path == "" {
					gateError(t, err, "not healthy", test.last)
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestHealthcheck(t *testing.T) {
	for name, test := range map[string]struct {
		test   []string
		code   int
		output string
		err    error
		argv   string
		reason string
		last   string
	}{
		"command":         {test: []string{"CMD", "pg_isready", "-q"}, argv: "pg_isready -q"},
		"shell":           {test: []string{"CMD-SHELL", "curl -f localhost"}, argv: "/bin/sh -c curl -f localhost"},
		"none":            {test: []string{"NONE"}},
		"fails":           {test: []string{"CMD", "check"}, code: 2, output: "warming\nnot ready\n", argv: "check", reason: "not healthy", last: "healthcheck ended with code 2: not ready"},
		"no executable":   {test: []string{"CMD", "curl"}, err: errors.New(`OCI runtime exec failed: exec: "curl": executable file not found in $PATH`), argv: "curl", reason: "executable not found: curl is not in the image", last: "executable not found"},
		"stops meanwhile": {test: []string{"CMD", "check"}, code: 126, output: "OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown", argv: "check", reason: "not healthy", last: "stopped container"},
		"runtime cannot":  {test: []string{"CMD", "curl"}, code: 126, output: `OCI runtime exec failed: exec failed: unable to start container process: exec: "curl": executable file not found in $PATH: unknown`, argv: "curl", reason: "executable not found: curl is not in the image", last: "executable not found"},
		"code 127":        {test: []string{"CMD-SHELL", "curl x"}, code: 127, output: "/bin/sh: 1: curl: not found", argv: "/bin/sh -c curl x", reason: `the shell says "/bin/sh: 1: curl: not found"`, last: "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				argv := ""
				engine := &fakeEngine{container: runningContainer(), exec: func(got []string) (int, string, error) {
					argv = strings.Join(got, " ")
					return test.code, test.output, test.err
				}}
				spec := edgeSpec()
				spec.Kind, spec.Test = update.GateHealthcheck, test.test
				begin := time.Now()
				err := NewGate(engine, nil).Gate(t.Context(), spec, func(update.Probe) {})
				if argv != test.argv {
					t.Errorf("ran %q", argv)
				}
				if test.reason == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				gateError(t, err, test.reason, test.last)
				if strings.Contains(test.reason, "found") && time.Since(begin) > time.Second {
					t.Errorf("took %s", time.Since(begin))
				}
			})
		})
	}
	spec := edgeSpec()
	spec.Kind, spec.Test = update.GateHealthcheck, []string{"curl", "x"}
	if err := NewGate(&fakeEngine{}, nil).Gate(t.Context(), spec, func(update.Probe) {}); err == nil || !strings.Contains(err.Error(), `starts with "curl"`) {
		t.Errorf("bad test: %v", err)
	}
}
