package cli

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gapless/internal/journal"
	"gapless/internal/update"
)

// TestMain makes this test program be gapless when a script runs it.
func TestMain(m *testing.M) {
	run := func() {
		os.Exit(Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	testscript.Main(m, map[string]func(){"gapless": run, "docker-gapless": run})
}

// TestScripts runs command lines as users type them, without a Docker engine:
// testdata/script/*.txtar. Beside the commands of testscript they have
//
//	exits CODE COMMAND...    run, and compare the exit code
//	refused FILE REGEXP      update refuses the compose file: exit 13, the
//	                         line, a hint, and nothing was touched
//	broken-journal DIR       leave an unfinished run with a flipped bit in DIR
//	engine                   listen at DOCKER_HOST; docker.log says who came
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GAPLESS_STATE_DIR", filepath.Join(env.WorkDir, "state"))
			env.Setenv("DOCKER_HOST", "unix://"+filepath.Join(env.WorkDir, "docker.sock"))
			env.Setenv("DOCKER_CONFIG", filepath.Join(env.WorkDir, ".docker"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "refused": refused, "broken-journal": brokenJournal, "engine": fakeEngine,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, args[1:]...); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, command ...string) int {
	err := ts.Exec(command[0], command[1:]...)
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode()
	}
	ts.Check(err)
	return 0
}

func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: refused FILE REGEXP")
	}
	if code := exitCode(ts, "gapless", "-f", args[0], "-p", "shop", "update", "--yes"); code != exitRefused {
		ts.Fatalf("exit code %d, want %d", code, exitRefused)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("stdout has %q", out)
	}
	said := ts.ReadFile("stderr")
	for _, want := range []string{regexp.QuoteMeta(filepath.Base(args[0])) + `:\d+(:\d+)?: `, `hint: \S`, args[1]} {
		if !regexp.MustCompile(want).MatchString(said) {
			ts.Fatalf("%q is not said", want)
		}
	}
	if _, err := os.Lstat(ts.Getenv("GAPLESS_STATE_DIR")); err == nil {
		ts.Fatalf("the state directory was made although the input is bad")
	}
}

// brokenJournal makes the state of an update that died, and damages it.
func brokenJournal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: broken-journal DIR")
	}
	directory := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(directory, 0o700))
	store, err := journal.Open(directory, "shop")
	ts.Check(err)
	defer store.Close()
	lock, err := store.Lock(journal.Self("", "update", "test"))
	ts.Check(err)
	defer lock.Unlock()
	log, err := lock.Journal()
	ts.Check(err)
	plan := &update.Plan{Format: update.PlanFormat, Project: "shop", To: 1, Phases: []update.Phase{
		{Name: update.PhaseShift, Steps: []update.Step{&update.RemoveStep{Name: "shop-api-1", ID: "abc"}}}}}
	for _, entry := range []update.Entry{{Kind: update.EntryBegin, Plan: plan}, {Kind: update.EntryIntent, Step: 1}, {Kind: update.EntryDone, Step: 1}} {
		entry.Run = "run1"
		ts.Check(log.Append(entry))
	}
	file := filepath.Join(store.Path(), "journal.log")
	content, err := os.ReadFile(file)
	ts.Check(err)
	content[strings.Index(string(content), `"intent"`)] ^= 1
	ts.Check(os.WriteFile(file, content, 0o600))
}

// fakeEngine listens where DOCKER_HOST points and notes whether anybody came:
// each request is appended to the file docker.log.
func fakeEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: engine")
	}
	listener, err := net.Listen("unix", strings.TrimPrefix(ts.Getenv("DOCKER_HOST"), "unix://"))
	ts.Check(err)
	log, err := os.Create(ts.MkAbs("docker.log"))
	ts.Check(err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = log.WriteString(r.Method + " " + r.URL.Path + "\n")
		w.Header().Set("Api-Version", "1.24")
	})}
	go func() { _ = server.Serve(listener) }()
	ts.Defer(func() { _ = errors.Join(server.Close(), log.Close()) })
}
