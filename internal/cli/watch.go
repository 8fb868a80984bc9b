package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/edgectl"
	"gapless/internal/journal"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// watchPoll is how often the journal of the other process is read.
const watchPoll = 250 * time.Millisecond

func (a *app) watchCommand() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use:   "watch",
		Short: "Follow the update that is under way, from another terminal",
		Long: `Watch shows the update that another gapless carries out, as that one shows it.

It only reads: the journal of the update, who works on it, and what the edge
counts. It ends with the update: with 0 only if it was committed. Where none is under way it
waits for the next one.`,
		Example: `  gapless watch            the checklist, until the update ends
  gapless watch --once     how far it is now
  gapless watch --progress json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.openAnyway(c.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.openStore(); err != nil {
				return err
			}
			directory, err := edgeDirectory()
			if err != nil {
				return err
			}
			s.edge = edgectl.New(directory)
			return s.watch(c.Context(), once)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "show how far it is and end")
	return c
}

// watch follows the run that is under way, or the next one.
func (s *session) watch(ctx context.Context, once bool) error {
	records, err := s.readSteady(ctx, s.store.Records)
	if err != nil {
		return err
	}
	if !isOpen(records) {
		if records, err = s.awaitRun(ctx, records, once); err != nil || once {
			return err
		}
	}
	past, err := newReplay(records)
	if err != nil {
		return err
	}
	screen, err := s.newScreen(ctx, past.plan)
	if err != nil {
		return err
	}
	defer screen.Close()
	if once {
		emitAll(screen, past.next(records))
		if past.result == "" {
			screen.Emit(update.Event{Kind: update.EventNotice, Run: past.run, Time: time.Now(), Text: "now at " + past.position()})
		}
		return s.sayCutOff(past, screen)
	}
	return s.followRun(ctx, past, screen)
}

// readSteady reads a journal. Another process writes it: what cannot be read
// once may be whole a moment later.
func (s *session) readSteady(ctx context.Context, read func() ([]journal.Record, error)) ([]journal.Record, error) {
	for try := 1; ; try++ {
		records, err := read()
		if err == nil {
			return records, nil
		}
		if try == 3 {
			return nil, &exitStatus{code: exitHeld, err: err}
		}
		if err := (wallClock{}).Sleep(ctx, watchPoll); err != nil {
			return nil, err
		}
	}
}

// isOpen tells a run that has not ended.
func isOpen(records []journal.Record) bool {
	return len(records) > 0 && records[len(records)-1].Kind != update.EntryEnd
}

func runOf(records []journal.Record) string {
	if len(records) == 0 {
		return ""
	}
	return records[0].Run
}

// awaitRun says that no update is under way and waits for one, unless once.
func (s *session) awaitRun(ctx context.Context, past []journal.Record, once bool) ([]journal.Record, error) {
	screen, err := s.newScreen(ctx, nil)
	if err != nil {
		return nil, err
	}
	text := s.project.Name + ": no update is under way" + lastRun(past)
	if owner := s.store.Owner(); owner != nil {
		text += "; at work: " + owner.String()
	}
	if !once {
		text += "; waiting for one"
	}
	screen.Emit(update.Event{Kind: update.EventNotice, Time: time.Now(), Text: text})
	// Closed before the wait: a heartbeat would say that something is at work.
	if err := screen.Close(); err != nil || once {
		return nil, err
	}
	for {
		if err := (wallClock{}).Sleep(ctx, watchPoll); err != nil {
			return nil, err
		}
		records, err := s.readSteady(ctx, s.store.Records)
		if err != nil {
			return nil, err
		}
		if isOpen(records) || runOf(records) != runOf(past) {
			return records, nil // one that has ended already is shown too
		}
	}
}

// lastRun tells how the newest run ended.
func lastRun(records []journal.Record) string {
	if len(records) == 0 || records[0].Plan == nil {
		return ""
	}
	end, plan := records[len(records)-1], records[0].Plan
	return fmt.Sprintf("; the last one, %d -> %d, ended %s: %s", plan.From, plan.To, end.Time.Local().Format(time.RFC3339), end.Result)
}

func emitAll(screen *ui.Renderer, events []update.Event) {
	for _, event := range events {
		screen.Emit(event)
	}
}

// watchedExit is the exit code of a run that another process carried out.
func watchedExit(result update.Result) error {
	switch result {
	case update.ResultCommitted:
		return nil
	case update.ResultRolledBack:
		return said(exitRolledBack)
	case update.ResultHeld:
		return said(exitHeld)
	}
	return said(exitError)
}

// errCutOff says that nobody carries a run on.
var errCutOff = errors.New("the update was cut off: no process works on it")

func cutOff(past *replay) error {
	return &exitStatus{code: exitHeld, err: fmt.Errorf("%w; it was at %s", errCutOff, past.position()), hint: "gapless resume brings it to an end"}
}
