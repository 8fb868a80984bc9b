package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gapless/internal/edge/wire"
	"gapless/internal/engine"
	"gapless/internal/health"
	"gapless/internal/project"
	"gapless/internal/update"
)

func TestCodeAndHint(t *testing.T) {
	missing := &engine.ConnectError{Trouble: engine.TroubleMissing, Host: "unix:///x"}
	for name, c := range map[string]struct {
		err  error
		code int
		hint string
	}{
		"plain":                  {errors.New("x"), exitError, ""},
		"with a hint of its own": {missing, exitError, missing.Hint()},
		"wrapped":                {fmt.Errorf("look: %w", missing), exitError, missing.Hint()},
		"refused, hint inside":   {refuse(missing, ""), exitRefused, missing.Hint()},
		"refused, hint outside":  {refuse(missing, "do this"), exitRefused, "do this"},
		"wrapped refusal":        {fmt.Errorf("plan: %w", refuse(errors.New("x"), "y")), exitRefused, "y"},
		"said":                   {said(exitHeld), exitHeld, ""},
	} {
		if code, hint := codeAndHint(c.err); code != c.code || hint != c.hint {
			t.Errorf("%s: got %d %q, want %d %q", name, code, hint, c.code, c.hint)
		}
	}
}

func TestReportIsSilentAboutWhatWasSaid(t *testing.T) {
	var out bytes.Buffer
	a := &app{err: &out}
	if code := a.report(fmt.Errorf("run: %w", said(exitRolledBack))); code != exitRolledBack || out.Len() > 0 {
		t.Errorf("%d %q", code, out.String())
	}
	if code := a.report(nil); code != exitDone || out.Len() > 0 {
		t.Errorf("%d %q", code, out.String())
	}
}

func TestPluginArgs(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"gapless update --yes", "update --yes"},
		{"--log-level info gapless plan", "plan"},
		{"-H unix:///a gapless plan", "--host unix:///a plan"},
		{"--host unix:///a -c far gapless plan", "--host unix:///a --context far plan"},
		{"gapless logs gapless", "logs gapless"},
		{"status", "status"},
	} {
		var out bytes.Buffer
		rest, handled := (&app{out: &out}).pluginArgs(strings.Fields(c.in))
		if got := strings.Join(rest, " "); got != c.want || handled || out.Len() > 0 {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestShiftFlags(t *testing.T) {
	for _, c := range []struct {
		flags shiftFlags
		good  bool
	}{
		{shiftFlags{strategy: "auto"}, true},
		{shiftFlags{strategy: "blue-green", watch: time.Minute}, true},
		{shiftFlags{strategy: "quick", migrations: "breaking", noWatch: true}, true},
		{shiftFlags{strategy: ""}, false},
		{shiftFlags{strategy: "Rolling"}, false},
		{shiftFlags{strategy: "auto", migrations: "fine"}, false},
		{shiftFlags{strategy: "auto", watch: -time.Second}, false},
		{shiftFlags{strategy: "auto", watch: time.Second, noWatch: true}, false},
	} {
		if err := c.flags.check(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.flags, err)
		}
	}
}

func TestComparison(t *testing.T) {
	var out bytes.Buffer
	err := writeComparison(&out, "rolling", []update.Forecast{
		{Strategy: "rolling", Duration: 9 * time.Second, ExtraBytes: 110 << 20},
		{Strategy: "quick", Duration: 14 * time.Second, Wait: 7 * time.Second, Page: 2 * time.Second, Guessed: []string{"gate of api"}},
		{Strategy: "blue-green", ExtraBytes: 300 << 20, Refused: "no room"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `strategy    requests wait  maintenance page  requests fail  extra memory  time
rolling *   no             no                no             110 MiB       about 9 s
quick       up to 7 s      about 2 s         no             no            about 14 s
blue-green  refused                                         300 MiB
* auto picks this one
blue-green is refused: no room
guessed, because no update has measured it yet: gate of api
`
	if diff := cmp.Diff(want, regexp.MustCompile(` +\n`).ReplaceAllString(out.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestNewestOf(t *testing.T) {
	at := func(seconds int64, image, hash string) update.Container {
		return update.Container{Name: image + hash, ImageID: image, ConfigHash: hash, Created: time.Unix(seconds, 0)}
	}
	for name, c := range map[string]struct {
		in   []update.Container
		want int
	}{
		"none":             {nil, 0},
		"one":              {[]update.Container{at(1, "a", "x")}, 1},
		"replicas":         {[]update.Container{at(1, "a", "x"), at(2, "a", "x"), at(3, "a", "x")}, 3},
		"old beside new":   {[]update.Container{at(5, "b", "x"), at(1, "a", "x"), at(4, "b", "x")}, 2},
		"other settings":   {[]update.Container{at(1, "a", "x"), at(2, "a", "y")}, 1},
		"went back to old": {[]update.Container{at(9, "a", "x"), at(5, "b", "x")}, 1},
	} {
		got := newestOf(c.in)
		if len(got) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func somePlan() update.Plan {
	return update.Plan{Format: update.PlanFormat, Project: "shop", From: 1, To: 2, Strategy: update.StrategyRolling, Fingerprint: "f1",
		Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{&update.StartStep{Service: "api", Name: "shop-api-2"}}}}}
}

func TestSamePlanFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	text, err := json.Marshal(somePlan())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := samePlan(file, somePlan()); err != nil {
		t.Errorf("the same plan: %v", err)
	}
	for name, change := range map[string]func(*update.Plan){
		"project": func(p *update.Plan) { p.Project = "other" },
		"state":   func(p *update.Plan) { p.Fingerprint = "f2" },
		"release": func(p *update.Plan) { p.To = 3 },
		"step":    func(p *update.Plan) { p.Phases[0].Steps[0].(*update.StartStep).Name = "shop-api-3" },
	} {
		now := somePlan()
		change(&now)
		if code, hint := codeAndHint(samePlan(file, now)); code != exitRefused || hint == "" {
			t.Errorf("another %s: %d %q", name, code, hint)
		}
	}
	for content, want := range map[string]int{"": exitRefused, "{": exitRefused, "[]": exitRefused, "{}": exitRefused} {
		bad := filepath.Join(t.TempDir(), "bad.json")
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _ := codeAndHint(samePlan(bad, somePlan())); code != want {
			t.Errorf("%q: %d", content, code)
		}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir(), "/dev/zero"} {
		if err := samePlan(path, somePlan()); err == nil {
			t.Errorf("%s was taken as a plan", path)
		}
	}
}

func TestServiceDifference(t *testing.T) {
	old := update.ReleaseService{Image: "a:1", ImageID: "sha256:1", ConfigHash: "x"}
	for name, c := range map[string]struct {
		was, is update.ReleaseService
		want    []string
	}{
		"same":          {old, old, nil},
		"added":         {update.ReleaseService{}, old, []string{"added"}},
		"removed":       {old, update.ReleaseService{}, []string{"removed"}},
		"image":         {old, update.ReleaseService{Image: "a:2", ImageID: "sha256:2", ConfigHash: "x"}, []string{"image a:1 (sha256:1) -> a:2 (sha256:2)"}},
		"rebuilt":       {old, update.ReleaseService{Image: "a:1", ImageID: "sha256:2", ConfigHash: "x"}, []string{"image a:1 (sha256:1) -> a:1 (sha256:2)"}},
		"configuration": {old, update.ReleaseService{Image: "a:1", ImageID: "sha256:1", ConfigHash: "y"}, []string{"configuration changed; compare gapless show --project of both"}},
	} {
		if diff := cmp.Diff(c.want, serviceDifference(c.was, c.is)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPrintHistory(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	if err := a.printHistory(nil, nil); err != nil || out.String() != "no update yet\n" {
		t.Errorf("%v %q", err, out.String())
	}
	out.Reset()
	failed, requests, gap := int64(0), int64(1200), 12.4
	runs := []pastRun{
		{From: 1, To: 2, Result: "committed", Because: strings.Repeat("ü", 100), Receipt: &update.Receipt{DurationMillis: 8400, Failed: &failed, Requests: &requests, GapMillis: &gap}},
		{From: 1, To: 2, Result: "rolled_back", Because: "api: image changed", Receipt: &update.Receipt{DurationMillis: 500}},
		{Result: "unfinished"},
	}
	if err := a.printHistory(runs, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"WHEN", "8.4 s   0 of 1200  -     12 ms", "500 ms  -          -", "unfinished"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d %q lacks %q", i, lines[i], want)
		}
	}
	if !strings.HasSuffix(lines[1], strings.Repeat("ü", 79)+"…") {
		t.Errorf("%q is not shortened by letters", lines[1])
	}
}

func TestExitOf(t *testing.T) {
	broken := errors.New("not healthy")
	for name, c := range map[string]struct {
		outcome update.Outcome
		want    int
	}{
		"committed":               {update.Outcome{Result: update.ResultCommitted}, exitDone},
		"committed, not tidy":     {update.Outcome{Result: update.ResultCommitted, Cause: broken}, exitDone},
		"rolled back":             {update.Outcome{Result: update.ResultRolledBack, Cause: broken}, exitRolledBack},
		"rolled back on Ctrl-C":   {update.Outcome{Result: update.ResultRolledBack, Cause: fmt.Errorf("x: %w", update.ErrInterrupted)}, exitInterrupted},
		"migrated for good":       {update.Outcome{Result: update.ResultRolledBack, Cause: errors.Join(broken, &update.MigratedError{Migrations: []update.Migrated{{Verdict: update.MigrationsBreaking}}})}, exitUndoFailed},
		"migrated, not judged":    {update.Outcome{Result: update.ResultRolledBack, Cause: errors.Join(broken, &update.MigratedError{Migrations: []update.Migrated{{}}})}, exitRolledBack},
		"aborted":                 {update.Outcome{Result: update.ResultAborted, Cause: broken}, exitError},
		"aborted on Ctrl-C":       {update.Outcome{Result: update.ResultAborted, Cause: update.ErrInterrupted}, exitInterrupted},
		"a check refused":         {update.Outcome{Result: update.ResultAborted, Cause: fmt.Errorf("x: %w", &update.CheckError{Failed: &update.GateError{}})}, exitRefused},
		"held after a failure":    {update.Outcome{Result: update.ResultHeld, Cause: broken, Stuck: broken}, exitUndoFailed},
		"held without a failure":  {update.Outcome{Result: update.ResultHeld, Stuck: broken}, exitHeld},
		"held after a bad Ctrl-C": {update.Outcome{Result: update.ResultHeld, Cause: update.ErrInterrupted, Stuck: broken}, exitUndoFailed},
	} {
		got := exitDone
		if err := exitOf(c.outcome); err != nil {
			got, _ = codeAndHint(err)
		}
		if got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestConfirm(t *testing.T) {
	yes := &app{flags: globalFlags{yes: true}, in: strings.NewReader(""), err: io.Discard}
	if err := yes.confirm("Go?"); err != nil {
		t.Errorf("with --yes: %v", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, in := range map[string]io.Reader{"a pipe": strings.NewReader("y\n"), "/dev/null": null} {
		var out bytes.Buffer
		code, hint := codeAndHint((&app{in: in, err: &out}).confirm("Go?"))
		if code != exitError || !strings.Contains(hint, "--yes") || out.Len() > 0 {
			t.Errorf("%s: %d %q %q", name, code, hint, out.String())
		}
	}
}

func TestRoutedTarget(t *testing.T) {
	plain := project.Service{Name: "api"}
	withPath := project.Service{Name: "api", Route: &project.Route{HealthPath: "/health"}}
	for _, c := range []struct {
		service project.Service
		route   update.RouteState
		want    health.Target
	}{
		{plain, update.RouteState{Listeners: []string{":80"}, Path: "/"}, health.Target{Service: "api", URL: "http://127.0.0.1:80/"}},
		{plain, update.RouteState{Listeners: []string{"0.0.0.0:8080"}, Path: "/a"}, health.Target{Service: "api", URL: "http://127.0.0.1:8080/a"}},
		{plain, update.RouteState{Listeners: []string{"[::]:8080"}, Path: "/"}, health.Target{Service: "api", URL: "http://127.0.0.1:8080/"}},
		{plain, update.RouteState{Listeners: []string{"10.0.0.1:80"}, Path: "/"}, health.Target{Service: "api", URL: "http://10.0.0.1:80/"}},
		{withPath, update.RouteState{Listeners: []string{":80"}, Path: "/", Hosts: []string{"*.example.com", "b"}}, health.Target{Service: "api", URL: "http://127.0.0.1:80/health", Host: "www.example.com"}},
		{withPath, update.RouteState{Listeners: []string{"/run/gapless/shop.sock"}, Path: "/"}, health.Target{Service: "api", Socket: "/run/gapless/shop.sock", URL: "http://localhost/health"}},
	} {
		if diff := cmp.Diff(c.want, routedTarget(c.service, c.route)); diff != "" {
			t.Errorf("%v: %s", c.route, diff)
		}
	}
}

func TestSumOf(t *testing.T) {
	stats := wire.Stats{Generations: []wire.GenerationStats{
		{Service: "api", Generation: "1", Requests: 100, Held: 2, LongestHoldMilliseconds: 300, Failures: map[string]uint64{"dial": 1}},
		{Service: "api", Generation: "2", Requests: 50, Held: 1, LongestHoldMilliseconds: 80, Failures: map[string]uint64{"dial": 2, "read": 1}},
		{Service: "shop", Requests: 7},
	}}
	want := totals{requests: 157, failed: 4, held: 3, longestHoldMillis: 300, causes: map[string]int64{"dial": 3, "read": 1}}
	if diff := cmp.Diff(want, sumOf(stats), cmp.AllowUnexported(totals{})); diff != "" {
		t.Error(diff)
	}
}

// TestTrafficIsADifference: the receipt tells of this update alone, and not of
// the probes that measured it.
func TestTrafficIsADifference(t *testing.T) {
	of := func(requests, held uint64, failures map[string]uint64) wire.Stats {
		return wire.Stats{Generations: []wire.GenerationStats{{Requests: requests, Held: held, LongestHoldMilliseconds: 90, Failures: failures}}}
	}
	before := of(1000, 5, map[string]uint64{"dial": 3, "read": 1})
	m := &meter{before: &before}
	var receipt update.Receipt
	m.traffic(&receipt, of(1500, 5, map[string]uint64{"dial": 3, "read": 2}), health.Figures{Probes: 100})
	if *receipt.Requests != 400 || *receipt.Failed != 1 || *receipt.Held != 0 || receipt.LongestHoldMillis != nil {
		t.Errorf("%d requests, %d failed, %d held, longest %v", *receipt.Requests, *receipt.Failed, *receipt.Held, receipt.LongestHoldMillis)
	}
	if diff := cmp.Diff(map[string]int64{"read": 1}, receipt.FailedByCause); diff != "" {
		t.Error(diff)
	}
	receipt = update.Receipt{}
	m.traffic(&receipt, of(1001, 7, nil), health.Figures{Probes: 100})
	if *receipt.Requests != 0 || *receipt.Held != 2 || *receipt.LongestHoldMillis != 90 {
		t.Errorf("%d requests, %d held", *receipt.Requests, *receipt.Held)
	}
}

// Requests that got the maintenance page stand for themselves, without those of
// the meter; the time is that of the service that was closed for longest.
func TestPagedTrafficIsADifference(t *testing.T) {
	of := func(requests, paged uint64, api, shop int64) wire.Stats {
		return wire.Stats{Generations: []wire.GenerationStats{
			{Service: "api", Requests: requests, Paged: paged, PagedMilliseconds: api}, {Service: "api", Generation: "1", Requests: 7},
			{Service: "shop", PagedMilliseconds: shop},
		}}
	}
	before := of(1000, 10, 500, 9000)
	m := &meter{before: &before}
	var receipt update.Receipt
	m.traffic(&receipt, of(1500, 60, 2500, 9000), health.Figures{Probes: 90, Skipped: 10, Paged: 30})
	if *receipt.Requests != 400 || *receipt.Failed != 0 || *receipt.Paged != 20 || *receipt.PagedMillis != 2000 {
		t.Errorf("%d requests, %d failed, %d paged for %.0f ms", *receipt.Requests, *receipt.Failed, *receipt.Paged, *receipt.PagedMillis)
	}
}

// TestUnavailable: what may be gone a moment later is waited for on the way
// back, a host that is too busy like an engine that is being restarted.
func TestUnavailable(t *testing.T) {
	for err, want := range map[error]bool{
		fmt.Errorf("ask the edge: %w", context.DeadlineExceeded): true,
		syscall.ECONNREFUSED:           true,
		update.ErrNoContainer:          false,
		errors.New("no space is left"): false,
	} {
		if got := unavailable(err); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
}

// What only some projects have gets a column where there is something to say.
func TestComparisonOfPeaks(t *testing.T) {
	var out bytes.Buffer
	peak := func(n int) []update.ConnectionsPeak {
		return []update.ConnectionsPeak{{Database: "db", Now: 38, Peak: n, Limit: 97}}
	}
	err := writeComparison(&out, "rolling", []update.Forecast{
		{Strategy: "rolling", Duration: 9 * time.Second, ExtraBytes: 110 << 20, DiskBytes: 40 << 20, Connections: peak(61)},
		{Strategy: "blue-green", ExtraBytes: 300 << 20, DiskBytes: 40 << 20, Connections: peak(101), Refused: "no room"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `strategy    requests wait  maintenance page  requests fail  extra memory  new images  connections of db  time
rolling *   no             no                no             110 MiB       40 MiB      61 of 97, 38 now   about 9 s
blue-green  refused                                         300 MiB       40 MiB      101 of 97, 38 now
* auto picks this one
blue-green is refused: no room
`
	if diff := cmp.Diff(want, regexp.MustCompile(` +\n`).ReplaceAllString(out.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}
