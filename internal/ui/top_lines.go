package ui

import (
	"fmt"
	"slices"
	"strings"

	"gapless/internal/update"
)

// unlimited is a width or a height that nothing reaches.
const unlimited = 1 << 20

// topLines lays a sample out. It takes no more room than there is.
func topLines(sample TopSample, width, height int) []styled {
	lines := topHead(sample)
	lines = append(lines, styled{})
	lines = append(lines, topTable(sample, width)...)
	if len(lines) > height {
		hidden := len(lines) - max(height-1, 0)
		lines = append(lines[:max(height-1, 0)], styled{text: fmt.Sprintf("%d more lines", hidden), color: "2"})
	}
	for i := range lines {
		lines[i].text = strings.TrimRight(fit(lines[i].text, max(width, 1)), " ")
	}
	return lines[:min(len(lines), max(height, 0))]
}

// topHead says what is true of the whole application.
func topHead(sample TopSample) []styled {
	release := "no release yet"
	if sample.Release > 0 {
		release = fmt.Sprintf("release %d", sample.Release)
	}
	lines := []styled{{text: fmt.Sprintf("%s  %s  %s", clean(sample.Project), release, sample.Time.Format("15:04:05")), color: "1"}}
	traffic := "edge: " + clean(sample.Edge)
	if t := sample.Traffic; t != nil {
		traffic = fmt.Sprintf("%s requests/s, %s failed, %s held now", rate(t.PerSecond), grouped(t.Failed), grouped(t.HeldNow))
		if t.P95Millis != nil {
			traffic += ", p95 " + millis(*t.P95Millis)
		}
		traffic += fmt.Sprintf("  (last %.0f s)  edge: %s", sample.WindowSeconds, clean(sample.Edge))
	}
	lines = append(lines, styled{text: traffic})
	if sample.Working != "" {
		lines = append(lines, styled{text: "at work: " + clean(sample.Working), color: "36"})
	}
	return lines
}

// topColumn is one column of the table. Those with the highest rank are left
// out first where there is no room.
type topColumn struct {
	title string
	rank  int
	left  bool
	cell  func(row topRow) string
}

// topRow is one version of a service.
type topRow struct {
	service string
	job     bool // runs once: that nothing of it runs is as it should be
	TopVersion
}

var topColumns = []topColumn{
	{"SERVICE", 0, true, func(r topRow) string { return clean(r.service) }},
	{"VERSION", 1, true, versionCell},
	{"REQ/S", 0, false, traffic(func(t TopTraffic) string { return rate(t.PerSecond) })},
	{"5XX", 4, false, traffic(func(t TopTraffic) string { return grouped(t.ServerErrors) })},
	{"FAILED", 2, false, traffic(func(t TopTraffic) string { return grouped(t.Failed) })},
	{"HELD", 5, false, traffic(func(t TopTraffic) string { return grouped(t.HeldNow) })},
	{"OPEN", 7, false, traffic(func(t TopTraffic) string { return grouped(t.InFlight) })},
	{"P50", 8, false, traffic(func(t TopTraffic) string { return figure(t.P50Millis) })},
	{"P95", 3, false, traffic(func(t TopTraffic) string { return figure(t.P95Millis) })},
	{"P99", 9, false, traffic(func(t TopTraffic) string { return figure(t.P99Millis) })},
	{"MEMORY", 6, false, func(r topRow) string { return memoryCell(r.MemoryBytes) }},
	{"CONTAINERS", 10, true, func(r topRow) string { return containersCell(r.Containers) }},
}

// versionCell names the version, and says where nothing of it runs.
func versionCell(r topRow) string {
	words := strings.TrimSpace(r.Version + " " + r.Generation)
	if r.Version == VersionNone {
		words = "no target"
	} else if r.down() {
		words = strings.TrimSpace(words + " down")
	}
	return clean(words)
}

func (r topRow) down() bool {
	return !r.job && r.Version != VersionNone && !slices.ContainsFunc(r.Containers, func(c TopContainer) bool { return c.State == StateRunning })
}

// absent stands for what was not measured: it is not 0.
const absent = "-"

func traffic(of func(TopTraffic) string) func(topRow) string {
	return func(r topRow) string {
		if r.Traffic == nil {
			return absent
		}
		return of(*r.Traffic)
	}
}

func figure(value *float64) string {
	if value == nil {
		return absent
	}
	return millis(*value)
}

func memoryCell(bytes *int64) string {
	if bytes == nil {
		return absent
	}
	return update.BytesText(*bytes)
}

func containersCell(containers []TopContainer) string {
	var words []string
	for _, c := range containers {
		word := c.Name
		if c.State != StateRunning {
			word += " " + c.State
		}
		words = append(words, clean(word))
	}
	return strings.Join(words, ", ")
}

// rate writes requests per second: a slow service has less than one.
func rate(perSecond float64) string {
	if perSecond > 0 && perSecond < 10 {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return grouped(int64(perSecond + 0.5))
}

// topTable lays the versions out in the columns that fit.
func topTable(sample TopSample, width int) []styled {
	var rows []topRow
	for _, service := range sample.Services {
		name := service.Service
		for _, version := range service.Versions {
			rows = append(rows, topRow{name, service.Role == "job", version})
			name = "" // said once
		}
		if len(service.Versions) == 0 {
			rows = append(rows, topRow{name, service.Role == "job", TopVersion{}})
		}
	}
	columns, widths := fittingColumns(rows, width)
	title := make([]string, len(columns))
	for i, column := range columns {
		title[i] = padded(column.title, widths[i], column.left)
	}
	lines := []styled{{text: strings.Join(title, "  "), color: "2"}}
	for _, row := range rows {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = padded(column.cell(row), widths[i], column.left)
		}
		lines = append(lines, styled{text: strings.Join(cells, "  "), color: topColor(row)})
	}
	return lines
}

// fittingColumns picks the columns for a width. The last one is cut rather
// than left out as long as half of the room that it wants is there.
func fittingColumns(rows []topRow, width int) ([]topColumn, []int) {
	for highest := len(topColumns); ; highest-- {
		var columns []topColumn
		var widths []int
		sum := -2
		for _, column := range topColumns {
			if column.rank > highest {
				continue
			}
			wide := widthOf(column.title)
			for _, row := range rows {
				wide = max(wide, widthOf(column.cell(row)))
			}
			columns, widths, sum = append(columns, column), append(widths, wide), sum+wide+2
		}
		last := len(widths) - 1
		if highest == 0 || sum <= width || columns[last].left && sum-widths[last]/2 <= width {
			return columns, widths
		}
	}
}

func padded(text string, width int, left bool) string {
	space := strings.Repeat(" ", max(0, width-widthOf(text)))
	if left {
		return text + space
	}
	return space + text
}

// topColor shows at a glance what is new and what goes wrong.
func topColor(row topRow) string {
	switch {
	case row.Traffic != nil && (row.Traffic.Failed > 0 || row.Traffic.ServerErrors > 0):
		return "31"
	case row.down() && row.Version == VersionOld:
		return "2"
	case row.down():
		return "31"
	case row.Version == VersionNew:
		return "36"
	case row.Version == VersionOld:
		return "33"
	}
	return ""
}
