package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gapless/internal/project"
)

func (a *app) initCommand() *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Look at the project and propose the x-gapless block that removes its gaps",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return a.init(c.Context(), dryRun) },
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the change and stop")
	return c
}

func (a *app) init(ctx context.Context, dryRun bool) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	for _, service := range s.project.Services {
		fmt.Fprintf(a.err, "%s: %s (%s)\n", service.Name, service.Role, service.RoleReason)
	}
	proposal := project.Propose(s.project)
	for _, note := range proposal.Notes {
		fmt.Fprintln(a.err, "note: "+note)
	}
	if err := a.showByHand(proposal); err != nil {
		return err
	}
	if proposal.Empty() {
		if proposal.ByHand() != "" {
			return nil
		}
		_, err := fmt.Fprintf(a.out, "%s: nothing to change\n", s.project.Name)
		return err
	}
	if _, err := fmt.Fprint(a.out, proposal.Diff()); err != nil || dryRun {
		return err
	}
	if err := a.confirm("Write this change?"); err != nil {
		return err
	}
	for _, file := range proposal.Files() {
		if err := rewrite(file, proposal); err != nil {
			return err
		}
		fmt.Fprintln(a.out, "changed "+file)
	}
	next := "gapless plan"
	if proposal.ByHand() != "" {
		next = "the change that is yours to make, then " + next
	}
	_, err = fmt.Fprintln(a.out, "next: "+next)
	return err
}

// showByHand shows the change of a front's own files. What goes with it is said
// in words that patch(1) skips.
func (a *app) showByHand(proposal project.Proposal) error {
	text := proposal.ByHand()
	if text == "" {
		return nil
	}
	_, err := fmt.Fprint(a.out, "yours to make, gapless writes no file of a front:\n"+text)
	if err == nil && !proposal.Empty() {
		_, err = fmt.Fprintln(a.out, "in the compose file:")
	}
	return err
}

// rewrite replaces a file in one act, with the mode that it had.
func rewrite(path string, proposal project.Proposal) error {
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	after, err := proposal.Apply(path, before)
	if err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if found, err := os.Stat(path); err == nil {
		mode = found.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".gapless-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(after); err != nil {
		return err
	}
	if err := temporary.Chmod(mode); err != nil {
		return err
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
