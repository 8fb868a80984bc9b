package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/ui"
)

// topPace is how often top looks.
const topPace = time.Second

func (a *app) topCommand() *cobra.Command {
	var once, asJSON bool
	c := &cobra.Command{
		Use:   "top",
		Short: "Show what each service serves and uses, old and new beside each other",
		Long: `Top shows each service with its old and its new containers: requests per second,
answers of 500 or more, requests that failed at the edge, how many are held and
open now, how long they take, and memory. Rates, failures and latencies are those
of the last ten seconds. It looks once a second and changes nothing; q leaves.

Where there is no terminal, and with --once, it prints one sample, which takes a
second: a rate needs two looks. A figure that was not measured is "-", and null
in JSON.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.openStore(); err != nil {
				return err
			}
			if err := s.connect(c.Context()); err != nil {
				return err
			}
			if once || asJSON || !ui.CanShowTop(a.out, os.Getenv) {
				return s.topOnce(c.Context(), asJSON)
			}
			return s.topLive(c.Context())
		},
	}
	c.Flags().BoolVar(&once, "once", false, "print one sample and end")
	c.Flags().BoolVar(&asJSON, "json", false, "print one sample as JSON")
	return c
}

// topOnce prints one sample.
func (s *session) topOnce(ctx context.Context, asJSON bool) error {
	sampler := &topSampler{session: s}
	if _, err := sampler.sample(ctx); err != nil {
		return err
	}
	if err := (wallClock{}).Sleep(ctx, topPace); err != nil {
		return err
	}
	sample, err := sampler.sample(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return ui.PrintTopJSON(s.app.out, sample)
	}
	return ui.PrintTop(s.app.out, sample)
}

// topLive shows samples until somebody leaves.
func (s *session) topLive(ctx context.Context) error {
	in, isFile := s.app.in.(*os.File)
	if !isFile {
		in = os.Stdin
	}
	err := ui.ShowTop(ctx, ui.TopOptions{In: in, Out: s.app.out.(*os.File), Project: s.project.Name, Color: s.app.flags.color,
		Getenv: os.Getenv, Every: topPace, Sample: (&topSampler{session: s}).sample})
	if errors.Is(err, ui.ErrTerminated) {
		return said(exitInterrupted)
	}
	return err
}
