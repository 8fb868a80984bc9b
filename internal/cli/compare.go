package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"gapless/internal/update"
)

// compare shows what each strategy would cost for what changed now.
func (s *session) compare(ctx context.Context, services []string, flags planFlags) error {
	state, err := s.observe(ctx)
	if err != nil {
		return err
	}
	changes := s.detect(ctx, state)
	if err := s.inform(ctx, &state, changes, flags.shift.options(services)); err != nil {
		return err
	}
	picked, forecasts, err := update.Compare(state, s.project, changes, flags.shift.options(services))
	if err != nil {
		return planError(err)
	}
	if flags.asJSON {
		return json.NewEncoder(s.app.out).Encode(struct {
			Project   string            `json:"project"`
			Picked    string            `json:"picked"`
			Forecasts []update.Forecast `json:"forecasts"`
		}{s.project.Name, picked, forecasts})
	}
	return writeComparison(s.app.out, picked, forecasts)
}

// writeComparison prints the forecasts as a table; the one that auto picks has
// a star.
func writeComparison(out io.Writer, picked string, forecasts []update.Forecast) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	others := otherPeaks(forecasts)
	fmt.Fprintln(w, strings.Join(slices.Concat([]string{"strategy", "requests wait", "maintenance page", "requests fail", "extra memory"}, others.titles, []string{"time"}), "\t"))
	var guessed, refused []string
	for _, f := range forecasts {
		name := f.Strategy
		if name == picked {
			name += " *"
		}
		if f.Refused != "" {
			fmt.Fprintln(w, strings.Join(slices.Concat([]string{name, "refused", "", "", extraText(f.ExtraBytes)}, others.of(f), []string{""}), "\t"))
			refused = append(refused, fmt.Sprintf("%s is refused: %s", f.Strategy, f.Refused))
			continue
		}
		guessed = append(guessed, f.Guessed...)
		fmt.Fprintln(w, strings.Join(slices.Concat([]string{name, upTo(f.Wait), about(f.Page), about(f.Gap), extraText(f.ExtraBytes)}, others.of(f), []string{about(f.Duration)}), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "* auto picks this one\n")
	for _, line := range refused {
		fmt.Fprintln(out, line)
	}
	slices.Sort(guessed)
	if guessed = slices.Compact(guessed); len(guessed) > 0 {
		fmt.Fprintf(out, "guessed, because no update has measured it yet: %s\n", strings.Join(guessed, ", "))
	}
	return nil
}

// peaks are the columns of what only some projects have.
type peaks struct {
	titles    []string
	disk      bool
	databases []string
}

// otherPeaks finds out which of these columns there are.
func otherPeaks(forecasts []update.Forecast) peaks {
	var p peaks
	for _, f := range forecasts {
		p.disk = p.disk || f.DiskBytes > 0
	}
	if p.disk {
		p.titles = append(p.titles, "new images")
	}
	if len(forecasts) > 0 {
		for _, c := range forecasts[0].Connections {
			p.databases = append(p.databases, c.Database)
			p.titles = append(p.titles, "connections of "+c.Database)
		}
	}
	return p
}

// of lists the fields of one forecast.
func (p peaks) of(f update.Forecast) []string {
	var fields []string
	if p.disk {
		fields = append(fields, extraText(f.DiskBytes))
	}
	for i := range p.databases {
		c := f.Connections[i]
		fields = append(fields, fmt.Sprintf("%d of %d, %d now", c.Peak, c.Limit, c.Now))
	}
	return fields
}

// none is what a cost of nothing is called.
const none = "no"

func upTo(d time.Duration) string {
	if d <= 0 {
		return none
	}
	return "up to " + update.DurationText(d)
}

func about(d time.Duration) string {
	if d <= 0 {
		return none
	}
	return "about " + update.DurationText(d)
}

func extraText(n int64) string {
	if n <= 0 {
		return none
	}
	return update.BytesText(n)
}
