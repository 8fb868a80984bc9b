//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gapless/test/load"
)

// reply is one answer of the public address.
type reply struct {
	status                        int
	retryAfter, cause, kind, body string
}

// ask sends one request from a loopback address, on a fresh connection.
func (s *shop) ask(from, path, accept string) (reply, error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}}
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path), nil)
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Accept", accept)
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	header := response.Header
	return reply{response.StatusCode, header.Get("Retry-After"), header.Get("Gapless-Cause"), header.Get("Content-Type"), string(body)}, err
}

// mustAsk fails the test unless the answer has the status.
func (s *shop) mustAsk(from, path, accept string, status int) reply {
	s.t.Helper()
	got, err := s.ask(from, path, accept)
	if err != nil || got.status != status {
		s.t.Fatalf("%s from %s: %+v, %v; want %d", path, from, got, err, status)
	}
	return got
}

const visitor, colleague = "127.0.0.1", "127.0.0.9"

// closed fails the test unless visitors get the page, and those who may do not.
func (s *shop) closed(page string) {
	s.t.Helper()
	if got := s.mustAsk(visitor, "/", "text/html", 503); got.retryAfter != "120" || got.cause != "maintenance" || got.body != page {
		s.t.Errorf("the page is %+v", got)
	}
	if got := s.mustAsk(visitor, "/items", "application/json", 503); got.kind != "application/json" || !strings.Contains(got.body, `"retry_after":120`) {
		s.t.Errorf("whoever asks for JSON gets %+v", got)
	}
	s.mustAsk(colleague, "/", "text/html", 200)
	s.mustAsk(visitor, "/health", "*/*", 200)
}

// TestMaintenance takes the application out of service and back under load, with
// an update in between. Every request is either served or answered with the page;
// none fails otherwise, and no order of which the client heard 503 was made.
func TestMaintenance(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	const edge = `  edge: {http: ":${SHOP_PORT:-8080}"}` + "\n"
	s.edit("compose.yaml", edge, edge+"  maintenance: {page: soon.html, retry_after: 2m, allow: ["+colleague+"]}\n")
	const page = "<!doctype html><title>Soon</title><p>We are back soon.\n"
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.file), "soon.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	s.update("v1", 0)
	traffic := s.traffic(nil)
	for range 200 {
		s.mustAsk(visitor, "/", "*/*", 200)
	}

	beforeOn := time.Now()
	s.gapless("v1", "maintenance is on", "maintenance", "on")
	afterOn := time.Now()
	s.closed(page)
	got := s.measured("v2", 0)
	if got.Failed == nil || *got.Failed != 0 || got.Paged == nil || *got.Paged == 0 || got.PagedMillis <= 0 || got.GapMillis != 0 {
		t.Errorf("receipt %+v", got)
	}
	t.Logf("update during maintenance: %d requests, %d with the page for %.0f ms", *got.Requests, *got.Paged, got.PagedMillis)
	s.closed(page)
	s.gapless("v2", "maintenance is on", "status")

	beforeOff := time.Now()
	s.gapless("v2", "maintenance is off", "maintenance", "off")
	afterOff := time.Now()
	for range 50 {
		s.mustAsk(visitor, "/", "*/*", 200)
	}
	report := traffic.Stop()
	s.onlyPaged(report)
	served, paged := 0, 0
	// A request is sent after it was due, however long after, and before its end.
	for _, sample := range report.Samples() {
		open := !sample.End().After(beforeOn) || !sample.Start.Before(afterOff)
		shut := !sample.Start.Before(afterOn) && !sample.End().After(beforeOff)
		switch {
		case open && sample.Failed():
			t.Errorf("%s got the page before or after the maintenance", sample.ID)
		case shut && !sample.Failed():
			t.Errorf("%s was served during the maintenance", sample.ID)
		case open:
			served++
		case shut:
			paged++
		}
	}
	if served == 0 || paged == 0 {
		t.Errorf("%d requests outside of the maintenance, %d within: this proves nothing", served, paged)
	}
	s.expect("v2")
}

// onlyPaged fails the test unless every request was served, or answered with 503
// and not carried out.
func (s *shop) onlyPaged(report load.Report) {
	s.t.Helper()
	for _, cause := range report.Causes {
		if cause.Name != "status 503" {
			s.t.Errorf("%d requests: %s: %+v", cause.Count, cause.Name, cause.Samples)
		}
	}
	if journal := report.Journal; journal == nil || len(journal.Unseen) > 0 || journal.Error != "" ||
		len(journal.Doubled)+len(journal.Vanished)+len(journal.Halved)+len(journal.LostJobs)+len(journal.DoubledJobs) > 0 {
		s.t.Errorf("journal: %+v", journal)
	}
	s.t.Logf("%d requests, %d got the page", report.Requests, report.Failed)
}

// gapless runs a command that must succeed and say the words.
func (s *shop) gapless(version, words string, arguments ...string) {
	s.t.Helper()
	if r := s.run(version, arguments...); r.code != 0 || !strings.Contains(r.output, words) {
		s.t.Fatalf("gapless %v: exit code %d\n%s", arguments, r.code, r.output)
	}
}

// TestMaintenanceOutlives has the edge killed and the compose file broken: the
// application stays closed, and can still be opened.
func TestMaintenanceOutlives(t *testing.T) {
	s := newShop(t)
	s.edit("compose.yaml")
	s.update("v1", 0)
	s.gapless("v1", "served    /health of api", "maintenance", "on", "--retry-after", "120", "--allow", colleague)
	edge := s.docker("ps", "--quiet", "--filter", "label=gapless.edge="+s.state+"/edge", "--filter", "name=gapless-edge")
	s.docker("kill", "--signal", "KILL", edge)
	s.docker("start", edge)
	var first reply
	waitFor(t, func() bool {
		got, err := s.ask(visitor, "/", "*/*")
		first = got
		return err == nil
	})
	if first.status != 503 || first.cause != "maintenance" || !strings.Contains(first.body, "Back in a moment") {
		t.Errorf("the first answer of the new edge is %+v", first)
	}
	waitFor(t, func() bool { got, err := s.ask(colleague, "/", "*/*"); return err == nil && got.status == 200 })

	if err := os.WriteFile(s.file, []byte("services: ["), 0o644); err != nil {
		t.Fatal(err)
	}
	s.gapless("v1", "maintenance is on", "maintenance", "status")
	s.gapless("v1", "maintenance is off", "maintenance", "off")
	s.mustAsk(visitor, "/", "*/*", 200)
}

// TestHoldPage boots for longer than requests are held: those get the page, and
// the receipt says for how long and how many. Nothing fails in any other way.
func TestHoldPage(t *testing.T) {
	s := newShop(t)
	build(t, "slow", "slow-boot=5s")
	s.edit("compose.yaml", apiHead, apiHead+"    container_name: "+s.project+"-only\n", "role: web\n", "role: web\n      hold: {limit: 1s}\n")
	s.update("v1", 0)
	traffic := s.traffic(nil)
	began := time.Now()
	got := s.measured("slow", 0)
	took := time.Since(began)
	for range 50 {
		s.mustAsk(visitor, "/", "*/*", 200)
	}
	report := traffic.Stop()
	s.onlyPaged(report)
	s.expect("slow")
	if got.Failed == nil || *got.Failed != 0 || got.Paged == nil || *got.Paged == 0 || got.GapMillis == 0 {
		t.Fatalf("receipt %+v", got)
	}
	// The clients of the test and the edge count the same requests; those of the load
	// that came between are the ones that the update itself did not see.
	if difference := *got.Paged - int64(report.Failed); difference < -5 || difference > 5 {
		t.Errorf("the receipt says %d requests got the page, the clients saw %d", *got.Paged, report.Failed)
	}
	if got.PagedMillis < 2000 || got.PagedMillis > float64(took.Milliseconds()) {
		t.Errorf("the page was up for %.0f ms of a boot of 5 s with a hold of 1 s, in an update of %s", got.PagedMillis, took)
	}
	t.Logf("receipt: %d requests, %d held, %d got the page for %.0f ms, gap %.0f ms; clients: %d of %d got the page",
		*got.Requests, *got.Held, *got.Paged, got.PagedMillis, got.GapMillis, report.Failed, report.Requests)
}
