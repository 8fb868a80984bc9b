//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/edgectl"
)

// TestMemoryLimit puts a real memory limit around the whole example: what does
// not fit is refused with the figures, auto does what fits, and nothing is
// lost or killed. Without the limit the same fits.
func TestMemoryLimit(t *testing.T) {
	s, box := newShopInBox(t)
	build(t, "v2", "")

	const limit = 576 << 20 // room for one more API, not for two
	box.limit(limit)
	r := s.run("v2", "plan", "--strategy", "blue-green")
	for _, text := range []string{"strategy blue-green is not possible: the second copies need", "api ", "MiB of 576 MiB are available in control group /" + s.project, "64 MiB stay in reserve"} {
		if r.code != 13 || !strings.Contains(r.output, text) {
			t.Errorf("exit code %d; %q is not said:\n%s", r.code, text, r.output)
		}
	}
	t.Log(r.output, s.run("v2", "plan", "--compare").output)
	s.inBox(box, "v2", "rolling", "beside ")

	box.limit(box.used() + apiMegabytes<<20) // no room for one more
	s.inBox(box, "v1", "rolling", "(a second copy needs ")

	box.limit(0)
	r = s.run("v2", "plan", "--strategy", "blue-green")
	if r.code != 0 {
		t.Errorf("without a limit: exit code %d\n%s", r.code, r.output)
	}
}

// inBox updates under traffic; auto picks the strategy and the API is replaced
// as said.
func (s *shop) inBox(box *memoryBox, version, strategy, how string) {
	s.t.Helper()
	traffic := s.traffic(nil)
	r := s.update(version, 0)
	s.clean(traffic.Stop())
	s.serves(version)
	if !strings.Contains(r.output, ", "+strategy) || !regexp.MustCompile(`api-\d.*`+regexp.QuoteMeta(how)).MatchString(r.output) || !strings.Contains(r.output, "0 failed") {
		s.t.Errorf("not %s, %q, 0 failed:\n%s", strategy, how, r.output)
	}
	output, _ := exec.Command("docker", "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project="+s.project).Output()
	killed, _ := exec.Command("docker", append([]string{"inspect", "--format", "{{.State.OOMKilled}} {{.Name}}"}, strings.Fields(string(output))...)...).Output()
	if strings.Contains(string(killed), "true") {
		s.t.Errorf("killed for want of memory:\n%s", killed)
	}
	box.settle(2)
}

// TestBlueGreenBackAtOnce watches the edge during a blue-green update of
// several services: all requests move in one snapshot. A rollback while the new
// version is being watched gives them back before it does anything else.
func TestBlueGreenBackAtOnce(t *testing.T) {
	s, _ := newShopInBox(t)
	build(t, "v2", "")
	traffic := s.traffic(nil)
	moves := s.watchMoves()
	updating := s.command("v2", "update", "--yes", "--progress", "json", "--strategy", "blue-green", "--watch", "2m")
	output, err := updating.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := updating.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	if !untilWatch(lines) {
		t.Fatal("the update did not come to its watch")
	}
	undone := make(chan []string, 1)
	go func() { undone <- undoneVerbs(lines) }()
	if got := s.servedBy(); got != "v2" {
		t.Errorf("%s serves while v2 is watched", got)
	}
	if r := s.run("v1", "rollback", "--yes", "1"); r.code != 12 {
		t.Errorf("a rollback to a named release does not wait for the update: exit code %d\n%s", r.code, r.output)
	}

	begin := time.Now()
	back := make(chan result, 1)
	go func() { back <- s.run("v1", "rollback", "--yes") }()
	waitFor(t, func() bool { return s.servedBy() == "v1" })
	first := time.Since(begin)
	r := <-back
	t.Logf("rollback during the watch: %s from the command to the first answer of the old version, %s until everything was back",
		first.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
	if r.code != 0 || !strings.Contains(r.output, "release 1 is back") {
		t.Errorf("rollback: exit code %d\n%s", r.code, r.output)
	}
	if verbs := <-undone; len(verbs) < 3 || !slices.Equal(verbs[:2], []string{"watch", "switch"}) {
		t.Errorf("the requests were not given back first, it undid %v", verbs)
	}
	_ = updating.Wait()
	if code := updating.ProcessState.ExitCode(); code != 130 {
		t.Errorf("the update ended with exit code %d", code)
	}
	s.clean(traffic.Stop())
	s.serves("v1")
	if got := moves(); len(got) != 2 || !strings.Contains(got[0], "in one snapshot") || !strings.Contains(got[1], "in one snapshot") {
		t.Errorf("the requests moved like this:\n%s", strings.Join(got, "\n"))
	} else {
		t.Log(strings.Join(got, "\n"))
	}
}

// stepEvent is what an update tells about a step; of anything else it is empty.
type stepEvent struct{ Type, Verb, State string }

func readStepEvent(line []byte) stepEvent {
	var event stepEvent
	if json.Unmarshal(line, &event) != nil || event.Type != "step" {
		return stepEvent{}
	}
	return event
}

// untilWatch reads the events of an update until it watches.
func untilWatch(lines *bufio.Scanner) bool {
	for lines.Scan() {
		if readStepEvent(lines.Bytes()).Verb == "watch" {
			return true
		}
	}
	return false
}

// undoneVerbs reads the events of an update to their end, and lists what it began
// to undo.
func undoneVerbs(lines *bufio.Scanner) []string {
	var verbs []string
	for lines.Scan() {
		if event := readStepEvent(lines.Bytes()); event.State == "undoing" {
			verbs = append(verbs, event.Verb)
		}
	}
	return verbs
}

// servedBy is the version that answers now.
func (s *shop) servedBy() string {
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", s.port))
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	return answer.Header.Get("Shop-Version")
}

// watchMoves looks at the edge all the time and notes, in the end, each change
// of who gets requests, and whether there was any snapshot in between.
func (s *shop) watchMoves() (end func() []string) {
	client := edgectl.New(filepath.Join(s.state, "edge"))
	stop, done := make(chan struct{}), make(chan []string)
	go func() {
		var moves []string
		before, generation := "", uint64(0)
		for {
			select {
			case <-stop:
				done <- moves
				return
			case <-time.After(2 * time.Millisecond): // the traffic needs the processors too
			}
			state, err := client.State(s.t.Context(), s.project)
			if err != nil {
				continue
			}
			var serving []string
			for _, service := range state.Services {
				for _, target := range service.Targets {
					if target.Weight > 0 {
						serving = append(serving, target.ID)
					}
				}
			}
			slices.Sort(serving)
			now := strings.Join(serving, " ")
			if before != "" && now != before {
				how := "in one snapshot"
				if state.Generation != generation+1 {
					how = fmt.Sprintf("within %d snapshots", state.Generation-generation)
				}
				moves = append(moves, fmt.Sprintf("%s -> %s %s", before, now, how))
			}
			before, generation = now, state.Generation
		}
	}()
	return func() []string { close(stop); return <-done }
}
