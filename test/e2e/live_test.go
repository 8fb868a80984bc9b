//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gapless/test/load"
)

// topSample is what a test reads of gapless top --json.
type topSample struct {
	Working  string      `json:"working"`
	Traffic  *topTraffic `json:"traffic"`
	Services []struct {
		Service  string `json:"service"`
		Versions []struct {
			Version     string      `json:"version"`
			Generation  string      `json:"generation"`
			Traffic     *topTraffic `json:"traffic"`
			MemoryBytes *int64      `json:"memory_bytes"`
		} `json:"versions"`
	} `json:"services"`
}

type topTraffic struct {
	PerSecond     float64  `json:"requests_per_second"`
	P95Millis     *float64 `json:"p95_ms"`
	RequestsTotal int64    `json:"requests_total"`
	FailedTotal   int64    `json:"failed_total"`
}

// top takes one sample.
func (s *shop) top(version string) (topSample, error) {
	var sample topSample
	output, err := s.command(version, "top", "--once", "--json").Output()
	if err == nil {
		err = json.Unmarshal(output, &sample)
	}
	return sample, err
}

// versionsOf lists the versions of a service as "version generation".
func (t topSample) versionsOf(service string) []string {
	var found []string
	for _, one := range t.Services {
		for _, version := range one.Versions {
			if one.Service == service {
				found = append(found, strings.TrimSpace(version.Version+" "+version.Generation))
			}
		}
	}
	return found
}

// updateWatched is update with two who look on: gapless watch, which must tell the
// same end, and gapless top, which must see both versions.
func (s *shop) updateWatched(version string, traffic *load.Run) result {
	s.t.Helper()
	file, err := os.Create(filepath.Join(s.t.TempDir(), "watch"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	said := func() string {
		content, _ := os.ReadFile(file.Name())
		return string(content)
	}
	watch := s.command(version, "watch")
	watch.Stdout, watch.Stderr = file, file
	if err := watch.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer watch.Process.Kill()
	waitFor(s.t, func() bool { return strings.Contains(said(), "no update is under way") })
	stop, samples := make(chan struct{}), make(chan []topSample, 1)
	go func() {
		var all []topSample
		for {
			if sample, err := s.top(version); err == nil {
				all = append(all, sample)
			}
			select {
			case <-stop:
				samples <- all
				return
			default:
			}
		}
	}()
	r := s.update(version, 0)
	close(stop)
	s.sawBoth(<-samples)
	if err := watch.Wait(); err != nil {
		s.t.Errorf("watch ended with %v", err)
	}
	_, receipt, _ := strings.Cut(r.output, "ended: committed\n")
	lines := strings.SplitAfterN(receipt, "\n", 3)
	if len(lines) < 3 || !strings.Contains(said(), lines[0]+lines[1]) {
		s.t.Errorf("watch does not tell the same end:\n%s\n--- the update said\n%s", said(), r.output)
	}
	s.figuresAgree(version, traffic)
	return r
}

// sawBoth fails the test unless top saw the update at work, with the old and the new
// version of the api.
func (s *shop) sawBoth(samples []topSample) {
	s.t.Helper()
	atWork, both := false, false
	for _, sample := range samples {
		atWork = atWork || strings.Contains(sample.Working, "step ")
		versions := strings.Join(sample.versionsOf("api"), ",")
		both = both || strings.Contains(versions, "old ") && strings.Contains(versions, "new ")
	}
	if !atWork || !both {
		s.t.Errorf("in %d samples: update at work %t, old and new api %t", len(samples), atWork, both)
	}
}

// figuresAgree compares samples with what the clients counted meanwhile. On a busy
// machine a second in which nobody gets an answer is no fault of top: one that agrees
// is enough.
func (s *shop) figuresAgree(version string, traffic *load.Run) {
	s.t.Helper()
	var sample topSample
	for attempt := 1; ; attempt++ {
		before, began := len(traffic.Samples()), time.Now()
		var err error
		if sample, err = s.top(version); err != nil || sample.Traffic == nil {
			s.t.Fatalf("top: %v, %+v", err, sample)
		}
		rate := float64(len(traffic.Samples())-before) / time.Since(began).Seconds()
		t := sample.Traffic
		if t.PerSecond >= rate/3 && t.PerSecond <= rate*3 && t.RequestsTotal >= int64(before) && t.FailedTotal == 0 && t.P95Millis != nil && *t.P95Millis > 0 {
			break
		}
		if attempt == 5 {
			s.t.Errorf("top says %+v, the clients had %d answers and %.0f a second", t, before, rate)
			break
		}
	}
	if got := sample.versionsOf("api"); len(got) != 1 || sample.Working != "" {
		s.t.Errorf("after the update: versions of the api %v, at work %q", got, sample.Working)
	}
	for _, service := range sample.Services {
		for _, v := range service.Versions {
			if service.Service == "api" && (v.MemoryBytes == nil || *v.MemoryBytes < 1<<20) {
				s.t.Errorf("the memory of the api was not measured: %+v", v)
			}
		}
	}
	if r := s.run(version, "watch", "--once"); r.code != 0 {
		s.t.Errorf("watch --once: exit code %d", r.code)
	} else {
		r.says(s.t, "no update is under way", "ended", "committed")
	}
}

// cutOffIsSaid: what was killed is not shown as if it went on.
func (s *shop) cutOffIsSaid(t *testing.T) {
	t.Helper()
	r := s.run("v1", "watch", "--once")
	if r.code != 15 {
		t.Errorf("watch of a killed update: exit code %d, want 15", r.code)
	}
	r.says(t, "was cut off", "gapless resume")
}
