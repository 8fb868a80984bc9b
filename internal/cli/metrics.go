package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/backup"
	"gapless/internal/edge/wire"
	"gapless/internal/update"
)

func (a *app) metricsCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "metrics",
		Short: "Print figures about updates and requests in the text format of Prometheus",
		Long: `Print figures about updates and requests in the text format of Prometheus, for the
textfile collector of node_exporter, once per call. It takes no lock and asks no
Docker engine.`,
		Example: `  gapless metrics
  gapless metrics --output /var/lib/node_exporter/textfile/gapless.prom`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.metrics(c.Context(), output) },
	}
	c.Flags().StringVarP(&output, "output", "o", "", "write this file, whole at any moment, in place of stdout")
	return c
}

func (a *app) metrics(ctx context.Context, output string) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.openStore(); err != nil {
		return err
	}
	var page exposition
	if err := s.updateMetrics(&page); err != nil {
		return err
	}
	if err := s.backupMetric(&page); err != nil {
		return err
	}
	if err := s.edgeMetrics(ctx, &page); err != nil {
		return err
	}
	if output == "" {
		_, err = fmt.Fprint(a.out, page.text.String())
		return err
	}
	return writeWhole(output, page.text.String())
}

// writeWhole writes a file of which no reader sees a half. Its other name has an
// ending that collectors do not look at.
func writeWhole(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".gapless-metrics-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone if all went well
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// updateMetrics are about the updates of the project.
func (s *session) updateMetrics(page *exposition) error {
	total, err := s.tally()
	if err != nil {
		return err
	}
	name := s.project.Name
	page.metric("gapless_updates_total", "counter", "Updates that have ended.")
	for _, key := range slices.Sorted(maps.Keys(total.Updates)) {
		strategy, result, _ := strings.Cut(key, " ")
		page.sample("gapless_updates_total", float64(total.Updates[key].Times), "project", name, "strategy", strategy, "result", result)
	}
	page.metric("gapless_update_duration_seconds", "summary", "How long updates took.")
	for _, key := range slices.Sorted(maps.Keys(total.Updates)) {
		strategy, result, _ := strings.Cut(key, " ")
		page.summary("gapless_update_duration_seconds", total.Updates[key], "project", name, "strategy", strategy, "result", result)
	}
	page.metric("gapless_step_duration_seconds", "summary", "How long the steps of updates took.")
	for _, key := range slices.Sorted(maps.Keys(total.Steps)) {
		page.summary("gapless_step_duration_seconds", total.Steps[key], "project", name, "kind", key)
	}
	page.metric("gapless_rollbacks_total", "counter", "Updates that were undone, by the kind of step that failed, and rollbacks that were asked for.")
	for _, key := range slices.Sorted(maps.Keys(total.Rollbacks)) {
		page.sample("gapless_rollbacks_total", float64(total.Rollbacks[key]), "project", name, "reason", key)
	}
	return s.presentMetrics(page)
}

// presentMetrics are about what is now.
func (s *session) presentMetrics(page *exposition) error {
	name := s.project.Name
	entries, err := s.store.Unfinished()
	unfinished := 0.0
	if err != nil || len(entries) > 0 {
		unfinished = 1 // a journal that cannot be read needs a person as well
	}
	page.metric("gapless_update_unfinished", "gauge", "1 while an update is under way, was cut off or is held.")
	page.sample("gapless_update_unfinished", unfinished, "project", name)
	newest, err := s.store.Newest()
	if noRelease(err) {
		return nil
	}
	if err != nil {
		return err
	}
	revision := ""
	if newest.Revision != nil {
		revision = newest.Revision.Short()
	}
	page.metric("gapless_release_info", "gauge", "The release that runs.")
	page.sample("gapless_release_info", 1, "project", name, "release", strconv.Itoa(newest.Number), "revision", revision, "strategy", newest.Strategy)
	return nil
}

// summary writes how often and how long.
func (x *exposition) summary(name string, count update.Count, labels ...string) {
	x.sample(name+"_sum", count.Seconds, labels...)
	x.sample(name+"_count", float64(count.Times), labels...)
}

// backupMetric is about the newest backup that was proven.
func (s *session) backupMetric(page *exposition) error {
	store, err := s.backupStore(false)
	if err != nil {
		return err
	}
	all, err := store.List()
	if err != nil {
		return err
	}
	type subject struct{ kind, of string }
	newest := map[subject]time.Time{}
	for _, one := range all {
		about := subject{cmp.Or(one.Kind, backup.KindPostgres), one.Of()}
		if !one.Verified.IsZero() && one.Damaged == "" && one.Problem == nil && one.Started.After(newest[about]) {
			newest[about] = one.Started
		}
	}
	if len(newest) > 0 {
		page.metric("gapless_backup_last_success_timestamp_seconds", "gauge", "When the newest backup was begun that was proven since.")
	}
	sorted := slices.SortedFunc(maps.Keys(newest), func(a, b subject) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.of, b.of))
	})
	for _, about := range sorted {
		page.sample("gapless_backup_last_success_timestamp_seconds", float64(newest[about].UnixMilli())/1000, "project", s.project.Name, "kind", about.kind, "of", about.of)
	}
	return nil
}

// edgeMetricsWait bounds the question to the edge: a collector runs again soon.
const edgeMetricsWait = 3 * time.Second

// edgeMetrics are about the requests that went through the edge.
func (s *session) edgeMetrics(ctx context.Context, page *exposition) error {
	if !s.project.Settings.Edge.Enabled() {
		return nil
	}
	client, _, err := edgeClient()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, edgeMetricsWait)
	defer cancel()
	stats, err := client.Stats(ctx, s.project.Name)
	page.metric("gapless_edge_up", "gauge", "1 if the edge answers.")
	if err != nil {
		page.sample("gapless_edge_up", 0, "project", s.project.Name)
		return nil
	}
	page.sample("gapless_edge_up", 1, "project", s.project.Name)
	trafficMetrics(page, stats)
	s.healthMetric(ctx, page, client)
	return nil
}

// trafficMetrics writes what the edge has counted since it was started.
func trafficMetrics(page *exposition, stats wire.Stats) {
	page.metric("gapless_edge_http_requests_total", "counter", "Requests that have ended: answered below 500 (ok) or above (5xx), not answered (failed), given up by the client (aborted), or answered with the page of maintenance (page).")
	for _, g := range stats.Generations {
		other := g.FailureTotal() + g.ServerErrors + g.ClientAborts + g.Paged
		for _, c := range []struct {
			code  string
			count uint64
		}{{"ok", g.Requests - min(other, g.Requests)}, {"5xx", g.ServerErrors}, {"failed", g.FailureTotal()}, {"aborted", g.ClientAborts}, {"page", g.Paged}} {
			page.sample("gapless_edge_http_requests_total", float64(c.count), append(edgeLabels(g), "code", c.code)...)
		}
	}
	page.metric("gapless_edge_http_request_duration_seconds", "histogram", "Time until the end of the answer, time held included.")
	for _, g := range stats.Generations {
		if g.Generation != "" {
			page.histogram("gapless_edge_http_request_duration_seconds", g.Latency, edgeLabels(g))
		}
	}
	page.metric("gapless_edge_in_flight_requests", "gauge", "Requests that are being answered.")
	for _, g := range stats.Generations {
		if g.Generation != "" {
			page.sample("gapless_edge_in_flight_requests", float64(g.InFlight), edgeLabels(g)...)
		}
	}
	page.metric("gapless_edge_held_requests", "gauge", "Requests that are held now.")
	for _, g := range stats.Generations {
		if g.Generation == "" {
			page.sample("gapless_edge_held_requests", float64(g.Parked), "project", g.Project, "service", g.Service)
		}
	}
}

// edgeLabels name a counter of the edge. The generation is the release whose
// container answered; requests that reached none have none.
func edgeLabels(g wire.GenerationStats) []string {
	return []string{"project", g.Project, "service", g.Service, "generation", g.Generation}
}

// latencyBounds are the upper bounds of the buckets, in seconds.
var latencyBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// histogram writes latencies in fewer buckets than the edge counts them in; each
// counts by its middle, so that the sum is at most 3 % off.
func (x *exposition) histogram(name string, h wire.Histogram, labels []string) {
	sum := 0.0
	counts := make([]uint64, len(latencyBounds))
	for index, count := range h.Counts {
		seconds := wire.BucketMiddle(index) / 1e6
		sum += seconds * float64(count)
		for i, bound := range latencyBounds {
			if seconds <= bound {
				counts[i] += count
			}
		}
	}
	for i, bound := range latencyBounds {
		x.sample(name+"_bucket", float64(counts[i]), append(slices.Clone(labels), "le", strconv.FormatFloat(bound, 'g', -1, 64))...)
	}
	x.sample(name+"_bucket", float64(h.Total()), append(slices.Clone(labels), "le", "+Inf")...)
	x.sample(name+"_sum", sum, labels...)
	x.sample(name+"_count", float64(h.Total()), labels...)
}
