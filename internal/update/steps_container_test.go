package update

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStopSignalsAndPolls pins the order of a stop: the policy goes first, so
// that a crash between the two leaves a container that stays down once it is
// down, and the engine is never asked to wait.
func TestStopSignalsAndPolls(t *testing.T) {
	w := newWorld()
	old := w.add(up("api", 1))
	step := &StopStep{Service: "api", Name: old.Name, ID: old.ID, Signal: "SIGQUIT", Grace: time.Second}
	if err := step.Do(context.Background(), w.env()); err != nil {
		t.Fatal(err)
	}
	want := []string{"inspect shop-api-1", "restart-policy shop-api-1", "signal shop-api-1", "inspect shop-api-1"}
	if diff := cmp.Diff(want, w.calls); diff != "" {
		t.Error(diff)
	}
	if c := w.containers["shop-api-1"]; c.Running || c.Restart != "no" {
		t.Errorf("%+v", c)
	}
}

// stubborn does not obey every signal.
type stubborn struct {
	fakeContainers
	obeys string
	got   []string
}

func (s *stubborn) Signal(ctx context.Context, name, signal string) error {
	s.got = append(s.got, signal)
	if signal != s.obeys {
		return nil
	}
	return s.fakeContainers.Signal(ctx, name, signal)
}

func TestStopKillsAfterTheGrace(t *testing.T) {
	for _, c := range []struct {
		obeys string
		want  []string
		fails bool
	}{
		{"SIGQUIT", []string{"SIGQUIT"}, false},
		{"SIGKILL", []string{"SIGQUIT", "SIGKILL"}, false},
		{"nothing", []string{"SIGQUIT", "SIGKILL"}, true},
	} {
		w := newWorld()
		old := w.add(up("api", 1))
		env := w.env()
		containers := &stubborn{fakeContainers: fakeContainers{w}, obeys: c.obeys}
		env.Containers = containers
		began := w.now
		err := (&StopStep{Name: old.Name, ID: old.ID, Signal: "SIGQUIT", Grace: 10 * time.Second}).Do(context.Background(), env)
		if diff := cmp.Diff(c.want, containers.got); diff != "" || (err != nil) != c.fails {
			t.Errorf("obeys %s: %v %s", c.obeys, err, diff)
		}
		if waited := w.now.Sub(began); c.obeys == "SIGKILL" && (waited < 10*time.Second || waited > 11*time.Second) {
			t.Errorf("killed after %s, the grace is 10 s", waited)
		}
		if c.fails && !strings.Contains(err.Error(), "not even after SIGKILL") {
			t.Errorf("%v", err)
		}
	}
}

// TestStopOfAContainerThatIsGone: somebody else removed it, so it is down, which
// is all that the stop is for.
func TestStopOfAContainerThatIsGone(t *testing.T) {
	w := newWorld()
	if err := (&StopStep{Name: "shop-api-1"}).Do(context.Background(), w.env()); err != nil {
		t.Error(err)
	}
}

// TestStopOfANamesake: somebody else made another container of that name, which
// is not ours to stop.
func TestStopOfANamesake(t *testing.T) {
	w := newWorld()
	w.add(up("api", 1))
	err := (&StopStep{Name: "shop-api-1", ID: "other"}).Do(context.Background(), w.env())
	if err == nil || !strings.Contains(err.Error(), "another container") || !w.containers["shop-api-1"].Running {
		t.Errorf("%v", err)
	}
}

// silent does not answer for a while.
type silent struct {
	fakeContainers
	until time.Time
}

var errSilent = errors.New("no answer")

func (s silent) Inspect(ctx context.Context, name string) (Container, error) {
	if s.w.now.Before(s.until) {
		return Container{}, errSilent
	}
	return s.fakeContainers.Inspect(ctx, name)
}

// TestWaitDownAsksAgain: an engine that is too busy to answer while a container
// ends is no reason to give up, unless it stays silent for the whole grace.
func TestWaitDownAsksAgain(t *testing.T) {
	for quiet, want := range map[time.Duration]error{time.Second: nil, time.Minute: errSilent} {
		w := newWorld()
		old := w.add(up("api", 1))
		old.Running = false
		env := w.env()
		env.Containers = silent{fakeContainers{w}, w.now.Add(quiet)}
		if _, err := waitDown(context.Background(), env, old.Name, 10*time.Second); !errors.Is(err, errSilent) {
			t.Errorf("silent for %s, and nobody said that it comes back: %v", quiet, err)
		}
		env.Unavailable = func(err error) bool { return errors.Is(err, errSilent) }
		if _, err := waitDown(context.Background(), env, old.Name, 10*time.Second); !errors.Is(err, want) {
			t.Errorf("silent for %s: %v", quiet, err)
		}
	}
}
