//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// socketMode is nginx with the public port, before the edge's socket. MOUNT is
// how its configuration gets into it.
func socketMode(t *testing.T, mount string) *fronted {
	return newFronted(t, socketUpstream, `edge: {socket: SOCKETS/shop.sock}`, `
    ports: ["PORT:80"]
    volumes: ["`+mount+`", "SOCKETS:SOCKETS"]`)
}

const (
	mountDirectory = "./nginx:/etc/nginx/shop:ro"
	mountFile      = "./nginx/nginx.conf:/etc/nginx/shop/nginx.conf:ro"
)

// marked is the configuration of nginx that says a word in each answer.
func (f *fronted) marked(word string) string {
	return strings.Replace(f.config, "listen 80;", "listen 80;\n\t\tadd_header Front-Version "+word+" always;", 1)
}

// replaceConfig puts a new file in the place of nginx's configuration, as git
// and most editors do.
func (f *fronted) replaceConfig(text string) {
	f.t.Helper()
	f.write("nginx/.new", text)
	if err := os.Rename(filepath.Join(f.directory, "nginx/.new"), filepath.Join(f.directory, "nginx/nginx.conf")); err != nil {
		f.t.Fatal(err)
	}
}

// inForce fails the test unless nginx says the word.
func (f *fronted) inForce(word string) {
	f.t.Helper()
	// A kept connection may belong to a worker that is on its way out.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/health", f.port))
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Front-Version"); got != word {
		f.t.Errorf("nginx works by the configuration %q, want %q", got, word)
	}
}

// TestNginxFilesReload: behind an nginx that does what init proposes, updates lose
// nothing, and changed files of nginx are read by the container that runs, at the
// cost of a reload; broken ones are refused with nginx's own words, and nothing is
// touched.
func TestNginxFilesReload(t *testing.T) {
	f := initialised(t)
	build(t, "v2", "")
	f.update("v1", 0)
	traffic := f.traffic(nil)
	f.update("v2", 0).says(t, "through the edge", "0 failed")
	before := f.ids()
	for _, word := range []string{"second", "third"} {
		f.replaceConfig(f.marked(word))
		f.update("v2", 0).says(t, "-s reload", "nginx changed (mounted)", "0 failed")
		f.inForce(word)
	}
	f.replaceConfig(strings.Replace(f.marked("broken"), "listen 80;", "listen 80", 1))
	f.update("v2", 13).says(t, "nginx:", "[emerg]", "nginx.conf")
	f.inForce("third")
	report := traffic.Stop()
	f.nearlyClean(report)
	if report.Served() != "v2" {
		t.Errorf("%s serves", report.Served())
	}
	if after := f.ids(); after != before {
		t.Errorf("containers were replaced:\n%s\n%s", before, after)
	}
	f.run("v2", "plan").says(t, "nginx changed (mounted)")
}

// TestNginxFileReplaced: a single file that was replaced is never seen by the
// container that runs. With a port of its own nginx is down for a moment, which
// the plan says and the receipt measures.
func TestNginxFileReplaced(t *testing.T) {
	f := socketMode(t, mountFile)
	f.update("v1", 0)
	nginx := f.containerOf("nginx")
	for _, round := range []struct{ word, predicted string }{{"second", "not measured yet"}, {"third", "by what earlier updates took"}} {
		traffic := f.traffic(nil)
		f.replaceConfig(f.marked(round.word))
		plan := f.run("v1", "plan")
		plan.says(t, "nginx.conf is mounted as a single file and was replaced", "gap: nginx:", round.predicted)
		got := f.measured("v1", 0)
		f.inForce(round.word)
		report := traffic.Stop()
		t.Logf("%s\n%d of %d requests failed, for %.0f ms; the receipt says a gap of %.0f ms, %d probes failed",
			gapOf(plan), report.Failed, report.Requests, report.LongestOutageMS, got.GapMillis, got.ProbeFailures)
		// One that is shorter may lie between two probes.
		if report.LongestOutageMS > 500 && got.ProbeFailures == 0 {
			t.Errorf("requests failed, and the receipt knows of no gap: %+v", got)
		}
		f.nothingBehind(report)
	}
	if again := f.run("v1", "plan"); !strings.Contains(again.output, "nothing to do") {
		t.Errorf("the file counts as not read:\n%s", again.output)
	}
	if f.containerOf("nginx") != nginx {
		t.Error("nginx was made anew, where a restart is enough")
	}
}

// gapOf is the line of a plan that predicts a gap.
func gapOf(plan result) string {
	_, rest, _ := strings.Cut(plan.output, "gap: ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// containerOf is the identity of the only container of a service.
func (s *shop) containerOf(service string) string {
	s.t.Helper()
	return s.docker("ps", "--quiet", "--no-trunc", "--filter", "label=com.docker.compose.project="+s.project, "--filter", "label=com.docker.compose.service="+service)
}

// initialised is an nginx that passed requests on to the api by its name, after
// what init proposes was done, and nothing else.
func initialised(t *testing.T) *fronted {
	f := newFronted(t, "upstream api { server api:8000 max_fails=0; }", "edge: {}", `
    ports: ["PORT:80"]
    volumes: ["`+mountDirectory+`"]`)
	text, err := os.ReadFile(f.file)
	if err != nil {
		t.Fatal(err)
	}
	f.write("compose.yaml", strings.Replace(string(text), patient("\nx-gapless:\n")+"  edge: {}\n", "\n", 1))
	t.Cleanup(func() { _ = os.Remove("/run/gapless/" + f.project + ".sock") })
	r := f.run("v1", "init", "--yes")
	r.says(t, "server unix:/run/gapless/"+f.project+".sock max_fails=0;", "api: web")
	f.config = patched(t, f.config, r.output)
	f.replaceConfig(f.config)
	f.run("v1", "init", "--yes").says(t, "nothing to change")
	if text, err = os.ReadFile(f.file); err != nil {
		t.Fatal(err)
	}
	f.write("compose.yaml", patient(string(text)))
	return f
}

// patched puts the lines that a diff adds in the place of those that it takes
// away, in the first file of the diff.
func patched(t *testing.T, text, diff string) string {
	t.Helper()
	_, diff, _ = strings.Cut(diff, "+++ ")
	diff, _, _ = strings.Cut(diff, "\n--- ")
	var gone string
	for line := range strings.Lines(diff) {
		switch line[0] {
		case '-':
			gone = line[1:]
		case '+':
			if !strings.Contains(text, gone) {
				t.Fatalf("there is no %q", gone)
			}
			text = strings.Replace(text, gone, line[1:], 1)
		}
	}
	return text
}
