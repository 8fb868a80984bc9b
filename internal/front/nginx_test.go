package front

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gapless/internal/update"
)

// fakeEngine is a container with an nginx in memory.
type fakeEngine struct {
	mu      sync.Mutex
	state   []update.Process
	ran     []string
	refuses bool              // a call of nginx ends with code 1
	reload  func(*fakeEngine) // what the master does when it is told to reload
}

func (f *fakeEngine) Exec(_ context.Context, _ string, argv []string, _ time.Duration) (int, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ran = append(f.ran, strings.Join(argv, " "))
	if f.refuses {
		return 1, "nginx: [emerg] unknown directive \"prox_pass\" in /etc/nginx/nginx.conf:3\nnginx: configuration file test failed", nil
	}
	if f.reload != nil && slices.Contains(argv, "reload") {
		go f.reload(f)
	}
	return 0, "", nil
}

func (f *fakeEngine) Processes(context.Context, string) ([]update.Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.state), nil
}

func (f *fakeEngine) Logs(context.Context, string, int) ([]string, error) {
	return []string{"[emerg] bind() to 0.0.0.0:81 failed"}, nil
}

func (f *fakeEngine) set(processes ...update.Process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = processes
}

var (
	shell  = update.Process{PID: 10, Title: "/bin/sh -c nginx"}
	master = update.Process{PID: 11, Parent: 10, Started: 5, Title: "nginx: master process nginx -g daemon off;"}
	old    = update.Process{PID: 12, Parent: 11, Started: 6, Title: workerTitle}
	going  = update.Process{PID: 12, Parent: 11, Started: 6, Title: shuttingTitle}
	fresh  = update.Process{PID: 13, Parent: 11, Started: 90, Title: workerTitle}
	again  = update.Process{PID: 12, Parent: 11, Started: 90, Title: workerTitle} // the number of the old one
	cache  = update.Process{PID: 14, Parent: 11, Started: 6, Title: "nginx: cache manager process"}
)

func TestReload(t *testing.T) {
	for name, c := range map[string]struct {
		reload func(*fakeEngine)
		took   time.Duration
		left   int
		fails  string
	}{
		"new workers, the old ones end": {took: 4 * time.Second, reload: func(f *fakeEngine) {
			time.Sleep(time.Second)
			f.set(shell, master, going, fresh, cache)
			time.Sleep(3 * time.Second)
			f.set(shell, master, fresh, cache)
		}},
		"a new worker gets the old number": {took: time.Second, reload: func(f *fakeEngine) {
			time.Sleep(time.Second)
			f.set(shell, master, again)
		}},
		"an old worker has a connection that does not end": {took: 11 * time.Second, left: 1, reload: func(f *fakeEngine) {
			time.Sleep(time.Second)
			f.set(shell, master, going, fresh)
		}},
		"nothing happens": {took: liveLimit, fails: "goes on with its old configuration", reload: func(*fakeEngine) {}},
		"new workers beside old ones that go on": {took: liveLimit, fails: "goes on with its old configuration", reload: func(f *fakeEngine) {
			f.set(shell, master, old, fresh)
		}},
		"the master dies": {took: time.Second, fails: "no nginx master process", reload: func(f *fakeEngine) {
			time.Sleep(time.Second)
			f.set(shell)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := &fakeEngine{state: []update.Process{shell, master, old, cache}, reload: c.reload}
				begin := time.Now()
				left, err := NewNginx(engine).Reload(context.Background(), "shop-nginx-1", []string{"nginx", "-c", "/a.conf"}, 10*time.Second)
				if took := time.Since(begin); took < c.took || took > c.took+2*pollEvery {
					t.Errorf("took %s, want %s", took, c.took)
				}
				if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want %q", err, c.fails)
				}
				if left != c.left {
					t.Errorf("%d left, want %d", left, c.left)
				}
				if want := []string{"nginx -c /a.conf -s reload"}; !slices.Equal(engine.ran, want) {
					t.Errorf("ran %q", engine.ran)
				}
				synctest.Wait()
			})
		})
	}
}

func TestReloadSaysWhatNginxSaid(t *testing.T) {
	engine := &fakeEngine{state: []update.Process{master, old}, refuses: true}
	_, err := NewNginx(engine).Reload(context.Background(), "shop-nginx-1", []string{"nginx"}, time.Second)
	var failed *update.GateError
	if !errors.As(err, &failed) || !strings.Contains(strings.Join(failed.Logs, "\n"), "prox_pass") {
		t.Errorf("%v", err)
	}
}

func TestNoMaster(t *testing.T) {
	engine := &fakeEngine{state: []update.Process{{PID: 1, Title: "nginx -g master_process off;"}}}
	if _, err := NewNginx(engine).Reload(context.Background(), "shop-nginx-1", []string{"nginx"}, time.Second); err == nil || len(engine.ran) > 0 {
		t.Errorf("%v, ran %q", err, engine.ran)
	}
}
