package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gapless/internal/notify"
	"gapless/internal/update"
)

func (a *app) notifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "notify",
		Short: "Who is told how updates end",
		Args:  groupArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	var asJSON bool
	test := &cobra.Command{
		Use:   "test",
		Short: "Send a test message to each channel of x-gapless.notify, and say what became of it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.notifyTest(c.Context(), asJSON) },
	}
	test.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(test)
	return c
}

// testedChannel is what became of one test message.
type testedChannel struct {
	Channel string `json:"channel"`
	Told    bool   `json:"told"`
	Error   string `json:"error,omitempty"`
}

func (a *app) notifyTest(ctx context.Context, asJSON bool) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	listeners := s.listeners()
	if len(listeners) == 0 {
		return &exitStatus{code: exitError, err: errors.New("x-gapless.notify names no channel"), hint: "notify: [{kind: slack, url_env: SLACK_URL}] in the x-gapless of the compose file"}
	}
	tested := testChannels(ctx, s.project.Name, listeners)
	if asJSON {
		err = a.encode(tested)
	} else {
		err = a.printTested(tested)
	}
	for _, one := range tested {
		if err == nil && !one.Told {
			err = said(exitError)
		}
	}
	return err
}

// testChannels tells all listeners at the same time that this is a test.
func testChannels(ctx context.Context, projectName string, listeners []listener) []testedChannel {
	id := "test-" + newRunID()
	message := notify.Message{Thread: id, ID: id, Title: projectName + ": a test of gapless",
		Text:    "No update was made. Messages about updates come here, one at the end of each.",
		Payload: map[string]any{"type": "test", "id": id, "project": projectName, "time": time.Now().UTC()}}
	tested := make([]testedChannel, len(listeners))
	var acts []func()
	for i, one := range listeners {
		acts = append(acts, func() {
			tested[i] = testedChannel{Channel: one.name, Told: true}
			if _, err := one.send(ctx, message, ""); err != nil {
				tested[i].Told, tested[i].Error = false, err.Error()
			}
		})
	}
	update.Together(acts...)
	return tested
}

func (a *app) printTested(tested []testedChannel) error {
	for _, one := range tested {
		words := "told"
		if !one.Told {
			words = "NOT told: " + escaped(one.Error)
		}
		if _, err := fmt.Fprintf(a.out, "%s: %s\n", one.Channel, words); err != nil {
			return err
		}
	}
	return nil
}

// examineNotify looks whether the channels can be told something, and tells none.
func examineNotify(x *examination, s *session) {
	for _, one := range s.listeners() {
		if one.err != nil {
			x.warn("notify", one.name+": "+one.err.Error(), "mend it, then gapless notify test")
			continue
		}
		x.ok("notify", "%s is set; gapless notify test sends a message", one.name)
	}
}
