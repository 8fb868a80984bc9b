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
	s.addMemory(ctx, &state)
	s.askPending(ctx, &state, changes)
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
	fmt.Fprintln(w, "strategy\trequests wait\tmaintenance page\trequests fail\textra memory\ttime")
	var guessed, refused []string
	for _, f := range forecasts {
		name := f.Strategy
		if name == picked {
			name += " *"
		}
		if f.Refused != "" {
			fmt.Fprintf(w, "%s\trefused\t\t\t\t\n", name)
			refused = append(refused, fmt.Sprintf("%s is refused: %s", f.Strategy, f.Refused))
			continue
		}
		guessed = append(guessed, f.Guessed...)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, upTo(f.Wait), about(f.Page), about(f.Gap), extraText(f.ExtraBytes), about(f.Duration))
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
	return fmt.Sprintf("%d MiB", n>>20)
}
