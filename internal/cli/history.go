package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/update"
)

// pastRun is one update of the past.
type pastRun struct {
	Run     string          `json:"run"`
	Time    time.Time       `json:"time"`
	From    int             `json:"from"`
	To      int             `json:"to"`
	Result  string          `json:"result"`
	Why     string          `json:"why,omitempty"`
	Because string          `json:"because"`
	Receipt *update.Receipt `json:"receipt,omitempty"`
	// Revision is what the release was made from; nil if none came of the run.
	Revision *update.Revision `json:"revision,omitempty"`
}

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
				return json.NewEncoder(a.out).Encode(runs)
			}
			return a.printHistory(runs)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// pastRuns reads the kept journals, newest run first.
func (s *session) pastRuns() ([]pastRun, error) {
	runs, err := s.store.Runs()
	if err != nil {
		return nil, err
	}
	if current, err := s.store.Records(); err == nil && len(current) > 0 && !slices.Contains(runs, current[0].Run) {
		runs = append(runs, current[0].Run)
	}
	past := []pastRun{}
	for _, run := range slices.Backward(runs) {
		records, err := s.store.RunRecords(run)
		if err != nil {
			continue // one unreadable journal must not hide the others
		}
		one := pastRun{Run: run, Result: "unfinished"}
		for _, record := range records {
			switch record.Kind {
			case update.EntryBegin:
				one.Time, one.From, one.To, one.Because = record.Time, record.Plan.From, record.Plan.To, record.Plan.Because
			case update.EntryHold:
				one.Result, one.Why = "held", record.Why
			case update.EntryEnd:
				one.Result, one.Why = string(record.Result), record.Why
			}
		}
		if receipt, err := s.store.Receipt(run); err == nil {
			one.Receipt = &receipt
		}
		if release, err := s.store.Release(one.To); err == nil && release.Run == run {
			one.Revision = release.Revision
		}
		past = append(past, one)
	}
	return past, nil
}

func (a *app) printHistory(runs []pastRun) error {
	if len(runs) == 0 {
		_, err := fmt.Fprintln(a.out, "no update yet")
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tRELEASE\tRESULT\tTOOK\tFAILED\tGAP\tREVISION\tBECAUSE")
	for _, r := range runs {
		took, failed, gap, revision := "-", "-", "-", "-"
		if r.Revision != nil {
			revision = r.Revision.Short()
		}
		if r.Receipt != nil {
			took = update.DurationText(time.Duration(r.Receipt.DurationMillis) * time.Millisecond)
			if r.Receipt.Failed != nil {
				failed = fmt.Sprintf("%d of %d", *r.Receipt.Failed, *r.Receipt.Requests)
			}
			if r.Receipt.GapMillis != nil {
				gap = fmt.Sprintf("%.0f ms", *r.Receipt.GapMillis)
			}
		}
		fmt.Fprintf(w, "%s\t%d -> %d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Time.Local().Format("2006-01-02 15:04:05"), r.From, r.To, r.Result, took, failed, gap, revision, shorten(r.Because, 60))
	}
	return w.Flush()
}

func shorten(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}
