package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/ui"
	"gapless/internal/update"
)

func (a *app) historyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "history",
		Short: "List past updates with what they cost",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.openStore(); err != nil {
				return err
			}
			runs, err := s.pastRuns()
			if err != nil {
				return err
			}
			if asJSON {
				return ui.WriteJSON(a.out, runs, s.redactor())
			}
			return a.printHistory(runs, s.redactor())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// runs names the runs whose journals are kept, oldest first.
func (s *session) runs() ([]string, error) {
	runs, err := s.store.Runs()
	if err != nil {
		return nil, err
	}
	if current, err := s.store.Records(); err == nil && len(current) > 0 && !slices.Contains(runs, current[0].Run) {
		runs = append(runs, current[0].Run)
	}
	return runs, nil
}

// pastRuns reads the kept journals, newest run first.
func (s *session) pastRuns() ([]pastRun, error) {
	runs, err := s.runs()
	if err != nil {
		return nil, err
	}
	past := []pastRun{}
	for _, run := range slices.Backward(runs) {
		one, err := s.pastRun(run)
		if err != nil {
			continue // one unreadable journal must not hide the others
		}
		past = append(past, one)
	}
	return past, nil
}

func (a *app) printHistory(runs []pastRun, redactor *ui.Redactor) error {
	if len(runs) == 0 {
		_, err := fmt.Fprintln(a.out, "no update yet")
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tRELEASE\tRESULT\tTOOK\tFAILED\tHELD\tGAP\tREVISION\tREASON")
	for _, r := range runs {
		took, revision := "-", "-"
		if r.Revision != nil {
			revision = r.Revision.Short()
		}
		receipt := r.measured()
		if r.Receipt != nil || !r.Ended.IsZero() {
			took = update.DurationText(time.Duration(receipt.DurationMillis) * time.Millisecond)
		}
		fmt.Fprintf(w, "%s\t%d -> %d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Time.Local().Format("2006-01-02 15:04:05"), r.From, r.To, r.Result, took,
			failedText(receipt), heldText(receipt), gapText(receipt), revision, escaped(shorten(redactor.Redact(r.reason()), 80)))
	}
	return w.Flush()
}

// reason is why an update was made, or why it did not go through.
func (p *pastRun) reason() string {
	first, _, _ := strings.Cut(cmp.Or(p.Why, p.Because), "\n")
	return first
}

func failedText(r update.Receipt) string {
	if r.Failed == nil || r.Requests == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d", *r.Failed, *r.Requests)
}

func heldText(r update.Receipt) string {
	switch {
	case r.Held == nil:
		return "-"
	case *r.Held > 0 && r.LongestHoldMillis != nil:
		return fmt.Sprintf("%d (%.0f ms)", *r.Held, *r.LongestHoldMillis)
	}
	return fmt.Sprint(*r.Held)
}

func gapText(r update.Receipt) string {
	if r.GapMillis == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f ms", *r.GapMillis)
}

func shorten(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}
