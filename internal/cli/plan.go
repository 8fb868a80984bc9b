package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"gapless/internal/journal"
	"gapless/internal/update"
)

// planFlags are the flags of plan.
type planFlags struct {
	shift    shiftFlags
	output   string
	detailed bool
	asJSON   bool
	compare  bool
}

func (a *app) planCommand() *cobra.Command {
	var flags planFlags
	c := &cobra.Command{
		Use:   "plan [SERVICE...]",
		Short: "Show what an update would do, and why; touch nothing",
		Example: `  gapless plan
  gapless plan --compare
  gapless plan -o tonight.json && gapless update --plan tonight.json`,
		RunE: func(c *cobra.Command, services []string) error {
			if err := flags.shift.check(); err != nil {
				return err
			}
			s, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.checkNames(services); err != nil {
				return err
			}
			return s.showPlan(c.Context(), services, flags)
		},
	}
	flags.shift.add(c)
	c.Flags().BoolVar(&flags.compare, "compare", false, "show what each strategy would cost for this change")
	c.Flags().StringVarP(&flags.output, "output", "o", "", "write the plan to this file, for update --plan")
	c.Flags().BoolVar(&flags.detailed, "detailed-exitcode", false, "exit with 2 if there are changes")
	c.Flags().BoolVar(&flags.asJSON, "json", false, "print the plan as JSON")
	return c
}

// showPlan plans and prints. It takes no lock and changes nothing.
func (s *session) showPlan(ctx context.Context, services []string, flags planFlags) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	if entries, err := s.store.Unfinished(); err == nil && len(entries) > 0 {
		fmt.Fprintln(s.app.err, "warning: an earlier update did not end; the next update ends it first, or gapless resume")
	}
	s.noTrace, s.noBuild = flags.shift.noTrace, flags.shift.noTrace
	if flags.compare {
		return s.compare(ctx, services, flags)
	}
	_, plan, err := s.plan(ctx, flags.shift.options(services))
	if err != nil {
		return err
	}
	for _, finding := range s.project.Findings {
		fmt.Fprintln(s.app.err, "warning: "+finding.String())
	}
	if err := s.writePlan(plan, flags); err != nil {
		return err
	}
	if flags.detailed && !plan.Empty() {
		return said(exitChanges)
	}
	return nil
}

func (s *session) writePlan(plan update.Plan, flags planFlags) error {
	text, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return err
	}
	if flags.output != "" {
		if err := os.WriteFile(flags.output, append(text, '\n'), 0o600); err != nil {
			return err
		}
	}
	switch {
	case flags.asJSON:
		_, err = fmt.Fprintf(s.app.out, "%s\n", text)
	case plan.Empty():
		s.printNotes(plan)
		_, err = fmt.Fprintf(s.app.out, "%s: nothing to do, everything is as the files say\n", plan.Project)
	default:
		_, err = fmt.Fprint(s.app.out, plan.Text())
	}
	return err
}

// maxPlanBytes bounds a plan file. One of a hundred services has some hundred
// kilobytes.
const maxPlanBytes = 16 << 20

func readPlan(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPlanBytes+1))
	if err == nil && len(text) > maxPlanBytes {
		err = fmt.Errorf("%s is larger than a plan can be (%d bytes)", path, maxPlanBytes)
	}
	return text, err
}

// noRelease tells whether a record is simply not there.
func noRelease(err error) bool {
	return errors.Is(err, journal.ErrNoRelease) || errors.Is(err, fs.ErrNotExist)
}
