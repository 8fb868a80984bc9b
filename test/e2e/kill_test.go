//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSecondUpdate refuses a second update while one runs, with the facts of
// the first; a dead one does not block.
func TestSecondUpdate(t *testing.T) {
	s := newShop(t)
	build(t, "b1", "api:never-healthy")
	s.update("v1", 0)
	first := s.command("b1", "update", "--yes")
	var said bytes.Buffer
	first.Stdout, first.Stderr = &said, &said
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		return strings.Contains(s.run("v1", "lock", "status").output, fmt.Sprint(first.Process.Pid))
	})
	r := s.run("v1", "update", "--yes")
	if r.code != 12 || !strings.Contains(r.output, fmt.Sprint(first.Process.Pid)) {
		t.Errorf("exit code %d, want 12 and the owner %d:\n%s", r.code, first.Process.Pid, r.output)
	}
	// Dead in the middle of its run, and not before it began.
	waitFor(t, func() bool { return strings.Contains(strings.Join(s.containers(), " "), "-api-2_") })
	_ = first.Process.Kill()
	_ = first.Wait()
	s.cutOffIsSaid(t)
	if r := s.run("v1", "resume"); r.code != 10 {
		t.Errorf("resume after the owner died: exit code %d\n%s", r.code, r.output)
	}
	s.expect("v1")
}

// patience is how long a test waits for anything before it gives up, on a machine
// that has much else to do.
const patience = 5 * time.Minute

// waitFor polls until a condition holds.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("the condition did not come true within %s", patience)
}

// TestKillEverywhere kills the program at every entry of the journal, before
// and after it is written, under traffic, and resumes. Two deployments share the
// entries.
func TestKillEverywhere(t *testing.T) {
	const deployments = 2
	for first := 1; first <= deployments; first++ {
		t.Run(fmt.Sprintf("from entry %d on", first), func(t *testing.T) { killEach(t, first, deployments) })
	}
}

// killEach kills at every so many entries.
func killEach(t *testing.T, first, every int) {
	s := newShop(t)
	build(t, "v2", "")
	s.update("v1", 0)
	services := killed()
	traffic := s.traffic(nil)
	version, other, points := "v1", "v2", 0
	for entry := first; ; entry += every {
		if !s.killedAt(t, entry, other, services...) {
			t.Logf("%d kill points", points)
			break
		}
		points++
		version, other = s.settle(t, fmt.Sprintf("kill point %d", entry), version, other)
	}
	s.clean(traffic.Stop())
}

// killedAt updates with a program that dies at an entry of the journal, and tells
// whether the update has so many.
func (s *shop) killedAt(t *testing.T, entry int, version string, services ...string) bool {
	t.Helper()
	command := s.command(version, append([]string{"update", "--yes"}, services...)...)
	command.Path = gaplessPath + "-failpoints"
	command.Env = append(command.Env, fmt.Sprintf("GAPLESS_FAILPOINT=journal:%d", entry))
	r := resultOf(t, command)
	if r.code > 0 {
		t.Fatalf("kill point %d: exit code %d\n%s", entry, r.code, r.output)
	}
	return r.code != 0
}

// killed names the services of the updates that are killed: one in a short
// run, all in a long one.
func killed() []string {
	if long() {
		return nil
	}
	return []string{"api"}
}

// long tells whether the tests may take hours.
func long() bool { return os.Getenv("GAPLESS_LONG") != "" }

// TestKillAnywhere kills the program from outside at random moments of an
// update, by each strategy.
func TestKillAnywhere(t *testing.T) {
	kills := 3
	if long() {
		kills = 200
	}
	if count, err := strconv.Atoi(os.Getenv("GAPLESS_KILLS")); err == nil {
		kills = count
	}
	s := newShop(t)
	build(t, "v2", "")
	s.update("v1", 0)
	version, other := "v1", "v2"
	for _, strategy := range []string{"rolling", "reload", "quick", "blue-green"} {
		t.Run(strategy, func(t *testing.T) {
			s.t = t
			version, other = s.killAnywhere(t, strategy, kills, version, other)
		})
	}
	s.t = t
}

// killAnywhere kills updates between two versions by one strategy, each at a
// moment of the time that a whole one takes, and returns what runs at the end
// and the other.
func (s *shop) killAnywhere(t *testing.T, strategy string, kills int, version, other string) (string, string) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	traffic := s.traffic(slowly)
	arguments := append([]string{"update", "--yes", "--strategy", strategy, "--watch", "1s"}, killed()...)
	begin := time.Now()
	if r := s.run(other, arguments...); r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.output)
	}
	whole := time.Since(begin)
	version, other = other, version
	t.Logf("seed %d, %d kills within %.1f s", seed, kills, whole.Seconds())
	forward := 0
	for kill := range kills {
		command := s.command(other, arguments...)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		after := time.Duration(random.Int64N(int64(whole)))
		time.Sleep(after)
		_ = command.Process.Kill()
		_ = command.Wait()
		before := version
		version, other = s.settle(t, fmt.Sprintf("kill %d, after %v", kill+1, after), version, other)
		if version != before {
			forward++
		}
	}
	t.Logf("%d of %d ended in the new version", forward, kills)
	s.clean(traffic.Stop())
	return version, other
}

// settle resumes after a kill and checks that one version of the api runs,
// wholly, that requests reach it, and that nothing else is left. It returns
// that version and the other.
func (s *shop) settle(t *testing.T, what, version, other string) (string, string) {
	t.Helper()
	r := s.run(version, "resume")
	if r.code != 0 && r.code != 10 && r.code != 1 {
		t.Fatalf("%s: resume: exit code %d\n%s", what, r.code, r.output)
	}
	running := s.versions()["api"]
	if len(running) == 1 && running[0] == other {
		version, other = other, version
	}
	if len(running) != 1 || running[0] != version {
		t.Fatalf("%s: api runs %v\n%s", what, running, r.output)
	}
	if all := s.containers(); len(all) != 5+s.also {
		t.Fatalf("%s: containers left over: %s\n%s", what, strings.Join(all, " "), r.output)
	}
	if lock := s.run(version, "lock", "status"); !strings.Contains(lock.output, "free") {
		t.Fatalf("%s: %s", what, lock.output)
	}
	return version, other
}
