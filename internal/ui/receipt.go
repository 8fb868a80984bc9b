package ui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gapless/internal/update"
)

// notMeasured stands in for a figure that nobody took: it is not 0.
const notMeasured = "not measured"

// Receipt tells what an update cost.
func Receipt(r update.Receipt) string { return words{}.receipt(r) }

func (w words) receipt(r update.Receipt) string {
	var b strings.Builder
	fmt.Fprintln(&b, w.receiptHead(r))
	fmt.Fprintf(&b, "  traffic   %s\n", w.traffic(r))
	if page := page(r); page != "" {
		fmt.Fprintf(&b, "  page      %s\n", page)
	}
	fmt.Fprintf(&b, "  gap       %s\n", w.gap(r))
	fmt.Fprintf(&b, "  latency   %s\n", latency(r))
	fmt.Fprintf(&b, "  memory    %s\n", memory(r.PeakExtraBytes))
	for _, line := range w.watch(r.Watch) {
		fmt.Fprintf(&b, "  watch     %s\n", line)
	}
	for _, waiting := range r.Waiting {
		fmt.Fprintf(&b, "  waits     %s: gapless migrations contract\n", w.show(waiting))
	}
	for _, missed := range r.NotTold {
		fmt.Fprintf(&b, "  warning   nobody was told through %s\n", w.show(missed))
	}
	return b.String()
}

// watch tells what was found out about the new version.
func (w words) watch(verdict *update.WatchVerdict) []string {
	if verdict == nil {
		return nil
	}
	head := verdict.Verdict + " after " + sayDuration(time.Duration(verdict.WatchedMillis)*time.Millisecond)
	if verdict.Reason != "" {
		head += ": " + w.show(verdict.Reason)
	}
	lines := []string{head}
	for _, finding := range verdict.Findings {
		lines = append(lines, w.show(finding))
	}
	return lines
}

// receiptHead says first whether the update is there: a run that was rolled
// back must not read like one that was not.
func (w words) receiptHead(r update.Receipt) string {
	took := sayDuration(time.Duration(r.DurationMillis) * time.Millisecond)
	head := fmt.Sprintf("%s %s -> %d", w.show(r.Project), releaseNumber(r.From), r.To)
	strategy := w.show(r.Strategy)
	switch r.Result {
	case update.ResultRolledBack:
		return fmt.Sprintf("%s FAILED after %s, %s: rolled back to %s", head, took, strategy, releaseNumber(r.From))
	case update.ResultAborted:
		return fmt.Sprintf("%s ABORTED after %s, %s: nothing was changed", head, took, strategy)
	case update.ResultHeld:
		return fmt.Sprintf("%s HELD after %s, %s: it needs a human", head, took, strategy)
	}
	return fmt.Sprintf("%s in %s, %s", head, took, strategy)
}

func releaseNumber(number int) string {
	if number == 0 {
		return "none"
	}
	return strconv.Itoa(number)
}

func (w words) traffic(r update.Receipt) string {
	if r.Requests == nil {
		return notMeasured
	}
	text := plural(*r.Requests, "request") + ": " + counted(r.Failed, "failed")
	if causes := w.causes(r.FailedByCause); causes != "" {
		text += " (" + causes + ")"
	}
	text += ", " + counted(r.Held, "held")
	if r.Held != nil && *r.Held > 0 && r.LongestHoldMillis != nil {
		text += " (longest " + millis(*r.LongestHoldMillis) + ")"
	}
	return text
}

// page tells of requests that were not served and did not fail either; empty
// where the maintenance page was not up.
func page(r update.Receipt) string {
	if r.Paged == nil || r.PagedMillis == nil || *r.Paged == 0 && *r.PagedMillis == 0 {
		return ""
	}
	up := time.Duration(*r.PagedMillis) * time.Millisecond
	return fmt.Sprintf("%s got the maintenance page, which was up for %s", plural(*r.Paged, "request"), sayDuration(up))
}

// causes lists why requests failed, the most frequent cause first.
func (w words) causes(byCause map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(byCause), func(a, b string) int {
		return cmp.Or(cmp.Compare(byCause[b], byCause[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, grouped(byCause[name])+" "+w.show(name))
	}
	return strings.Join(parts, ", ")
}

func (w words) gap(r update.Receipt) string {
	if r.GapMillis == nil {
		return notMeasured
	}
	text := millis(*r.GapMillis)
	if r.Probes == nil {
		return text
	}
	text += ", by " + plural(*r.Probes, "probe")
	if r.ProbeURL != "" {
		text += " through " + w.show(r.ProbeURL)
	}
	if r.ProbeFailures != nil && *r.ProbeFailures > 0 {
		text += ", " + grouped(*r.ProbeFailures) + " of them failed"
	}
	return text
}

func latency(r update.Receipt) string {
	figures := []*float64{r.P95BeforeMillis, r.P95DuringMillis, r.P95AfterMillis}
	missing := 0
	for _, figure := range figures {
		if figure == nil {
			missing++
		}
	}
	if missing == len(figures) {
		return notMeasured
	}
	var parts []string
	for _, figure := range figures {
		switch {
		case figure == nil:
			parts = append(parts, notMeasured)
		case missing > 0:
			parts = append(parts, millis(*figure))
		default:
			parts = append(parts, strings.TrimSuffix(millis(*figure), " ms"))
		}
	}
	unit := " ms"
	if missing > 0 {
		unit = ""
	}
	return "p95 " + strings.Join(parts, " -> ") + unit + " (before, during, after)"
}

func memory(peakBytes *int64) string {
	if peakBytes == nil {
		return notMeasured
	}
	return fmt.Sprintf("peak %+d MiB", *peakBytes>>20)
}

// counted says a number that may not have been measured.
func counted(number *int64, what string) string {
	if number == nil {
		return what + " " + notMeasured
	}
	return grouped(*number) + " " + what
}

func plural(number int64, noun string) string {
	if number == 1 {
		return "1 " + noun
	}
	return grouped(number) + " " + noun + "s"
}

// grouped writes thousands with commas.
func grouped(number int64) string {
	text := strconv.FormatInt(number, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// millis writes milliseconds: whole ones, and fractions of the first ten.
func millis(value float64) string {
	if value != 0 && value < 10 {
		return strconv.FormatFloat(value, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(value, 'f', 0, 64) + " ms"
}

// sayDuration writes a span as people read it.
func sayDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
