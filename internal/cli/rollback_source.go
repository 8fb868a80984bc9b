package cli

import (
	"context"
	"fmt"

	"gapless/internal/source"
	"gapless/internal/update"
)

// atRevision puts the checkout at the revision of a release for a rollback to
// it.
func (s *session) atRevision(ctx context.Context, release update.Release, act func() error) error {
	if release.Revision == nil {
		return refuse(fmt.Errorf("release %d does not say which revision it was made from", release.Number), "gapless rollback without --checkout does not need it")
	}
	checkout, err := source.Open(ctx, s.project.Directory)
	if err != nil {
		return sourceError(err)
	}
	if err := checkout.Clean(ctx); err != nil {
		return sourceError(err)
	}
	commit, err := checkout.Find(ctx, release.Revision.Commit)
	if err != nil {
		return sourceError(err)
	}
	if release.Revision.Dirty {
		fmt.Fprintf(s.app.err, "warning: release %d was made from edited files: commit %s has not all of it\n", release.Number, release.Revision.Short())
	}
	return s.moved(ctx, checkout, commit, checkout.Detach, act)
}

// offerCheckout says how the checkout gets to what runs now, if it is
// somewhere else.
func (s *session) offerCheckout(ctx context.Context, release update.Release) {
	then, now := release.Revision, s.revision(ctx)
	if then == nil || now == nil || then.Commit == now.Commit {
		return
	}
	fmt.Fprintf(s.app.err, "source: release %d was made from %s, the checkout is at %s, and the next update follows the checkout\n", release.Number, then.Short(), now.Short())
	fmt.Fprintf(s.app.err, "hint: git -C %s checkout %s   (gapless rollback --checkout does it in one go)\n", shellWord(now.Directory), then.Commit[:min(10, len(then.Commit))])
}
