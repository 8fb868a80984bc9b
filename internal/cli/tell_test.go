package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"gapless/internal/journal"
	"gapless/internal/project"
	"gapless/internal/update"
)

const toldRunID = "0123456789ababcdefghij"

// hook is a webhook receiver on the loopback.
type hook struct {
	url    string
	mu     sync.Mutex
	bodies []string
	status int
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.bodies = append(h.bodies, string(body))
		w.WriteHeader(h.status)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL + "/sesame-open"
	return h
}

// results lists what the receiver was told, oldest first.
func (h *hook) results(t *testing.T) []string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var results []string
	for _, body := range h.bodies {
		var told struct{ Result string }
		if err := json.Unmarshal([]byte(body), &told); err != nil {
			t.Fatal(err)
		}
		results = append(results, told.Result)
	}
	return results
}

// toldSession is a session that tells the receiver, with a run in its journal.
func toldSession(t *testing.T, h *hook, entries ...update.Entry) (*session, *bytes.Buffer, *journal.Log) {
	t.Helper()
	store, lock := lockedStore(t)
	log, err := lock.Journal()
	if err != nil {
		t.Fatal(err)
	}
	secret := "hunter2-in-the-environment"
	p := &project.Project{Name: "shop", Compose: &types.Project{Environment: types.Mapping{"HOOK_URL": h.url},
		Services: types.Services{"api": serviceWith("DB_PASSWORD", secret)}}}
	p.Settings.Notify = []project.NotifySettings{{Kind: project.ChannelWebhook, URLEnv: "HOOK_URL"}}
	var said bytes.Buffer
	s := &session{app: &app{out: io.Discard, err: &said}, project: p, present: p, store: store, lock: lock}
	begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	plan := &update.Plan{Format: update.PlanFormat, Project: "shop", From: 42, To: 43, Strategy: "rolling", Because: "api: image changed", Phases: []update.Phase{
		{Name: update.PhaseShift, Steps: []update.Step{&update.StartStep{Service: "api", Name: "shop-api-2"}}}}}
	s.oweTelling(toldRunID)
	for i, entry := range append([]update.Entry{{Kind: update.EntryBegin, Plan: plan}}, entries...) {
		entry.Run, entry.Time = toldRunID, begin.Add(time.Duration(i)*time.Second)
		if err := log.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
	return s, &said, log
}

func serviceWith(variable, value string) types.ServiceConfig {
	var service types.ServiceConfig
	service.Environment = types.MappingWithEquals{variable: &value}
	return service
}

var undoneRun = []update.Entry{
	{Kind: update.EntryIntent, Step: 1},
	{Kind: update.EntryFail, Step: 1, Why: "shop-api-2 exited"},
	{Kind: update.EntryDecide, Decide: update.DecideRollback, Why: "shop-api-2 exited with hunter2-in-the-environment"},
	{Kind: update.EntryHold, Why: "undo start shop-api-2: the engine is away"},
	{Kind: update.EntryResume},
	{Kind: update.EntryEnd, Result: update.ResultRolledBack, Why: "shop-api-2 exited with hunter2-in-the-environment\nsomebody replaced shop-api-1"},
}

// The process died between the end of the run and its message: the next command
// tells, once. The reason is that of the decision, and no secret is in it.
func TestTheNextCommandTells(t *testing.T) {
	h := newHook(t)
	s, said, _ := toldSession(t, h, undoneRun...)
	failed, requests := int64(3), int64(1200)
	if err := s.lock.SaveReceipt(toldRunID, update.Receipt{Project: "shop", From: 42, To: 43, Strategy: "rolling", Reason: "api: image changed",
		Result: update.ResultRolledBack, DurationMillis: 8400, Failed: &failed, Requests: &requests, Steps: []update.ReceiptStep{{Verb: "start"}}}); err != nil {
		t.Fatal(err)
	}
	s.settleTold(t.Context())
	s.settleTold(t.Context())
	if len(h.bodies) != 1 {
		t.Fatalf("told %d times: %v", len(h.bodies), h.bodies)
	}
	golden(t, "told.json.golden", indented(t, h.bodies[0]))
	if said.Len() > 0 {
		t.Errorf("said: %s", said)
	}
}

// Killed between the send and its record, and only then, it is told twice.
func TestToldTwiceOnlyWithoutARecord(t *testing.T) {
	h := newHook(t)
	s, _, _ := toldSession(t, h, undoneRun...)
	s.settleTold(t.Context())
	if err := s.lock.SaveTold(update.Told{Run: toldRunID}); err != nil { // as the killed process left it
		t.Fatal(err)
	}
	s.settleTold(t.Context())
	s.settleTold(t.Context())
	if len(h.bodies) != 2 {
		t.Fatalf("told %d times", len(h.bodies))
	}
	if h.bodies[0] != h.bodies[1] {
		t.Errorf("a receiver cannot see that these are the same:\n%s\n%s", h.bodies[0], h.bodies[1])
	}
	// Killed after it told one channel and before it was through with all of them.
	told := update.Told{Run: toldRunID, Channels: map[string]update.ToldChannel{"webhook (notify 1)": {Result: update.ResultRolledBack}}}
	if err := s.lock.SaveTold(told); err != nil {
		t.Fatal(err)
	}
	s.settleTold(t.Context())
	if len(h.bodies) != 2 {
		t.Error("a channel that is written down as told was told again")
	}
}

// What has no end is told by who ends it, and what was not owed by nobody.
func TestWhatIsNotOverIsNotTold(t *testing.T) {
	for name, entries := range map[string][]update.Entry{"unfinished": undoneRun[:3], "held": undoneRun[:4]} {
		h := newHook(t)
		s, _, _ := toldSession(t, h, entries...)
		s.settleTold(t.Context())
		if len(h.bodies) != 0 {
			t.Errorf("%s: %v", name, h.bodies)
		}
	}
	h := newHook(t)
	s, _, _ := toldSession(t, h, undoneRun...)
	if err := s.lock.SaveTold(update.Told{}); err != nil {
		t.Fatal(err)
	}
	s.settleTold(t.Context())
	if len(h.bodies) != 0 {
		t.Errorf("an old run was told: %v", h.bodies)
	}
}

// A held run is told, and told again when it ends otherwise; not when it is held
// once more.
func TestHeldAndThenOver(t *testing.T) {
	h := newHook(t)
	s, _, log := toldSession(t, h, undoneRun[:4]...)
	held := update.Outcome{Result: update.ResultHeld, Stuck: io.ErrUnexpectedEOF}
	for range 2 {
		if failures := s.tellEnd(t.Context(), toldRunID, held); len(failures) > 0 {
			t.Fatal(failures)
		}
	}
	for _, entry := range undoneRun[4:] {
		entry.Run = toldRunID
		if err := log.Append(entry); err != nil {
			t.Fatal(err)
		}
		if entry.Kind == update.EntryResume { // it was resumed too often: nothing is written down any more
			s.tellEnd(t.Context(), toldRunID, held)
		}
	}
	s.tellEnd(t.Context(), toldRunID, update.Outcome{Result: update.ResultRolledBack})
	if diff := cmp.Diff([]string{"held", "rolled_back"}, h.results(t)); diff != "" {
		t.Error(diff)
	}
}

// Who cannot be told is named with the reason; the others are told all the same.
func TestFailuresToTell(t *testing.T) {
	h, broken := newHook(t), newHook(t)
	broken.status = http.StatusInternalServerError
	s, _, _ := toldSession(t, h, undoneRun...)
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte(broken.url), 0o644); err != nil {
		t.Fatal(err)
	}
	s.project.Compose.Environment["BROKEN_URL"] = broken.url
	s.project.Settings.Notify = append(s.project.Settings.Notify,
		project.NotifySettings{Kind: project.ChannelSlack, URLEnv: "BROKEN_URL"},
		project.NotifySettings{Kind: project.ChannelSlack, URLEnv: "GAPLESS_NOT_SET"},
		project.NotifySettings{Kind: project.ChannelSlack, URLFile: open},
		project.NotifySettings{Kind: project.ChannelSlack, URLFile: "/nowhere/at-all"},
		project.NotifySettings{Kind: project.ChannelSlack, URLEnv: "BROKEN_URL", On: []string{"committed"}})
	want := []string{
		"slack (notify 2): it answers 500 Internal Server Error",
		"slack (notify 3): variable GAPLESS_NOT_SET is not set",
		"slack (notify 4): " + open + " can be read by others (mode 0644): chmod 0600 it",
		"slack (notify 5): read /nowhere/at-all: no such file or directory",
	}
	if diff := cmp.Diff(want, s.tellEnd(t.Context(), toldRunID, update.Outcome{Result: update.ResultRolledBack})); diff != "" {
		t.Error(diff)
	}
	if len(h.bodies) != 1 || len(broken.bodies) != 1 {
		t.Errorf("%d and %d messages", len(h.bodies), len(broken.bodies))
	}
	if s.settleTold(t.Context()); len(broken.bodies) != 1 {
		t.Error("a failure is tried again by later commands")
	}
}

func indented(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

// golden compares with a file of testdata; GAPLESS_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("GAPLESS_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// A real command finds the run of a dead process, tells and counts it, and needs no
// engine for that. Where nobody is named any more, nobody is told.
func TestResumeTellsOfARunThatHasEnded(t *testing.T) {
	for name, compose := range map[string]string{
		"as it was": "name: shop\nx-gapless: {notify: [{kind: webhook, url_env: TOLD_URL}]}\nservices: {api: {image: 'api:1'}}\n",
		"mute":      "name: shop\nservices: {api: {image: 'api:1'}}\n",
	} {
		h := newHook(t)
		state := filepath.Join(t.TempDir(), "state")
		t.Setenv("GAPLESS_STATE_DIR", state)
		t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "docker.sock"))
		t.Setenv("TOLD_URL", h.url)
		endedRun(t, state)
		file := filepath.Join(t.TempDir(), "compose.yaml")
		if err := os.WriteFile(file, []byte(compose), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			var out, errOut bytes.Buffer
			if code := Main(t.Context(), []string{"gapless", "-f", file, "resume"}, strings.NewReader(""), &out, &errOut); code != 0 {
				t.Fatalf("%s: exit code %d: %s", name, code, errOut.String())
			}
			if errOut.Len() > 0 {
				t.Errorf("%s: said %s", name, errOut.String())
			}
		}
		want := []string{"rolled_back"}
		if name == "mute" {
			want = nil
		}
		if diff := cmp.Diff(want, h.results(t)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// endedRun leaves the state of a process that was killed after the end of its run.
func endedRun(t *testing.T, state string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(state, "projects"), 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := journal.Open(filepath.Join(state, "projects"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lock, err := store.Lock(journal.Self("", "update", "test"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	log, err := lock.Journal()
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.SaveTold(update.Told{Run: toldRunID}); err != nil {
		t.Fatal(err)
	}
	plan := &update.Plan{Format: update.PlanFormat, Project: "shop", To: 1, Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{&update.RemoveStep{Name: "x"}}}}}
	for _, entry := range append([]update.Entry{{Kind: update.EntryBegin, Plan: plan}}, undoneRun...) {
		entry.Run = toldRunID
		if err := log.Append(entry); err != nil {
			t.Fatal(err)
		}
	}
}
