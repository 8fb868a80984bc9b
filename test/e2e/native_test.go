//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gapless/test/load"
)

// nativeUpstream has nginx read the files that an update writes.
const nativeUpstream = "include /etc/nginx/shop/upstreams/*.conf;"

// nativeMode is nginx that passes the requests on by itself, with no edge.
func nativeMode(t *testing.T) *fronted {
	f := newFronted(t, nativeUpstream, `front: {service: nginx, upstreams: ./nginx/upstreams}`, `
    ports: ["PORT:80"]
    volumes: ["`+mountDirectory+`"]`)
	f.also = 1
	return f
}

// nearlyClean fails the test if more was lost than a reload of nginx can lose: the
// request that a client writes to a kept connection in the moment in which nginx
// closes it. There are several such connections, and a moment is longer on a busy
// machine. What was lost is in the log. Behind the requests nothing may be lost.
func (f *fronted) nearlyClean(report load.Report) {
	f.t.Helper()
	var text bytes.Buffer
	report.Print(&text)
	log := f.docker("logs", f.containerOf("nginx"))
	reloads := strings.Count(log, "(SIGHUP) received")
	f.t.Logf("%d of %d requests failed over %d reloads of nginx\n%s", report.Failed, report.Requests, reloads, text.String())
	if report.Failed > 0 {
		f.explain(report, log)
	}
	const perReload = 20 // of a hundred per second: 3 were met on two busy processors, and requests that pile up are more
	if report.Failed > perReload*reloads {
		f.t.Errorf("more than %d requests were lost for each reload", perReload)
	}
	for _, sample := range report.Samples() {
		if sample.Failed() && !sample.Kept {
			f.t.Errorf("%s failed on a fresh connection: %s", sample.ID, sample.Error)
		}
	}
	for _, cause := range report.Causes {
		if cause.Name == "wrong content" || strings.HasPrefix(cause.Name, "status") {
			f.t.Errorf("nginx itself answered wrongly: %s", cause.Name)
		}
	}
	f.nothingBehind(report)
}

// explain logs each failed request, and what nginx said of its upstreams.
func (f *fronted) explain(report load.Report, log string) {
	f.t.Helper()
	for _, sample := range report.Samples() {
		if sample.Failed() {
			f.t.Logf("%s %s %s on a kept connection: %t, after %s: %s", sample.Start.UTC().Format("15:04:05.000"), sample.ID, sample.Target, sample.Kept, sample.Latency, sample.Error)
		}
	}
	for line := range strings.Lines(log) {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[alert]") || strings.Contains(line, "[crit]") {
			f.t.Log(strings.TrimSpace(line))
		}
	}
}

// nothingBehind fails the test unless all is well behind the requests: where some
// failed, too.
func (f *fronted) nothingBehind(report load.Report) {
	f.t.Helper()
	if j := report.Journal; j.Error != "" || len(j.Doubled)+len(j.Vanished)+len(j.Halved)+len(j.LostJobs)+len(j.DoubledJobs)+j.Overlaps > 0 {
		var text bytes.Buffer
		report.Print(&text)
		f.t.Errorf("work was lost or doubled:\n%s", text.String())
	}
}

// upstream reads what nginx was told of the api.
func (f *fronted) upstream() string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.directory, "nginx/upstreams/api.conf"))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// TestNative moves a running application from the edge's socket to an nginx that
// passes the requests on by itself, updates it there, takes a bad version back,
// and measures what all of it costs.
func TestNative(t *testing.T) {
	f := socketMode(t, mountDirectory)
	f.also = 1
	build(t, "v2", "")
	build(t, "bad", "api:exit-at-once")
	f.update("v1", 0)
	nginx := f.containerOf("nginx")
	traffic := f.traffic(nil)
	f.leaveEdge()
	updates := 2
	if long() {
		updates = 20
	}
	for i := range updates {
		version := []string{"v2", "v1"}[i%2]
		f.update(version, 0).says(t, "traffic   not measured", "gap       0 ms")
		if running := f.docker("ps", "--format", "{{.Names}}", "--filter", "name="+f.project+"-api-"); !strings.Contains(f.upstream(), "server "+running+":8000;") {
			t.Errorf("%s runs, and nginx is told\n%s", running, f.upstream())
		}
		f.expect(version)
	}
	f.update("bad", 10)
	report := traffic.Stop()
	f.nearlyClean(report)
	if report.Served() != "v1" {
		t.Errorf("%s serves", report.Served())
	}
	if f.containerOf("nginx") != nginx {
		t.Error("nginx was made anew")
	}
}

// leaveEdge makes nginx pass the requests on by itself: the edge forgets them.
func (f *fronted) leaveEdge() {
	f.t.Helper()
	text, err := os.ReadFile(f.file)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write("compose.yaml", strings.Replace(string(text), "edge: {socket: /run/gapless/"+f.project+"/shop.sock}", "front: {service: nginx, upstreams: ./nginx/upstreams}", 1))
	f.replaceConfig(strings.Replace(f.config, strings.ReplaceAll(socketUpstream, "SOCKETS", "/run/gapless/"+f.project), nativeUpstream, 1))
	f.update("v1", 0).says(f.t, "forgets its routes of api")
	if again := f.run("v1", "plan"); !strings.Contains(again.output, "nothing to do") {
		f.t.Errorf("the edge still has the routes:\n%s", again.output)
	}
}

// TestNativeKilled kills an update at its entries in the journal: the files that
// nginx reads are whole at every moment, and a resume brings it to an end.
func TestNativeKilled(t *testing.T) {
	f := nativeMode(t)
	build(t, "v2", "")
	f.update("v1", 0)
	traffic := f.traffic(nil)
	every := 5
	if long() {
		every = 1
	}
	version, other, points := "v1", "v2", 0
	for entry := 1; ; entry += every {
		if !f.killedAt(t, entry, other, "api") {
			break
		}
		points++
		f.docker("exec", f.project+"-nginx-1", "nginx", "-t", "-c", "/etc/nginx/shop/nginx.conf")
		version, other = f.settle(t, fmt.Sprintf("kill point %d", entry), version, other)
	}
	t.Logf("%d kill points", points)
	f.nearlyClean(traffic.Stop())
}
