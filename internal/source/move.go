package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gapless/internal/update"
)

// RefusedError says why a checkout is not moved. Nothing was touched.
type RefusedError struct {
	Reason string
	Files  []string // that stand in the way
	Advice string
}

func (e *RefusedError) Error() string {
	if len(e.Files) == 0 {
		return e.Reason
	}
	return e.Reason + ":\n  " + strings.Join(e.Files, "\n  ")
}

// Hint is what to do.
func (e *RefusedError) Hint() string { return e.Advice }

// Clean refuses a checkout with edited files, with the list of them, and one
// with submodules, which do not follow the commit by themselves.
func (c *Checkout) Clean(ctx context.Context) error {
	edited, err := c.Edited(ctx)
	if err != nil {
		return err
	}
	if len(edited) > 0 {
		return &RefusedError{Reason: c.Directory + " has changes that are not committed", Files: shortened(edited),
			Advice: "commit them, or git stash; gapless update without --pull and --ref takes the files as they are"}
	}
	if _, err := os.Stat(filepath.Join(c.Directory, ".gitmodules")); err == nil {
		return &RefusedError{Reason: c.Directory + " has submodules, which are not moved by gapless",
			Advice: "git pull --recurse-submodules by hand, then gapless update"}
	}
	return nil
}

// shortened keeps a list of files readable.
func shortened(files []string) []string {
	const most = 20
	if len(files) > most {
		return append(files[:most:most], fmt.Sprintf("and %d more", len(files)-most))
	}
	return files
}

// Upstream fetches the branch that the checkout follows and returns its
// commit. One that cannot be reached by going forward is refused.
func (c *Checkout) Upstream(ctx context.Context) (string, error) {
	branch, err := c.git(ctx, localWait, "symbolic-ref", "--quiet", "--short", "HEAD")
	if err != nil {
		return "", &RefusedError{Reason: c.Directory + " is not on a branch, so there is nothing to pull", Advice: "git switch BRANCH, or gapless update --ref REF"}
	}
	branch = strings.TrimSpace(branch)
	remote, err := c.git(ctx, localWait, "config", "--get", "branch."+branch+".remote")
	if err != nil {
		return "", &RefusedError{Reason: "branch " + branch + " follows no branch of a remote", Advice: "git branch --set-upstream-to=origin/" + branch}
	}
	if _, err := c.git(ctx, remoteWait, "fetch", "--quiet", "--end-of-options", strings.TrimSpace(remote)); err != nil {
		return "", err
	}
	commit, err := c.resolve(ctx, "@{upstream}")
	if err != nil {
		return "", &RefusedError{Reason: "the branch that " + branch + " follows is gone", Advice: "git branch --set-upstream-to=origin/BRANCH"}
	}
	return c.forward(ctx, branch, commit)
}

// forward is the later one of the commit and that of the checkout. It refuses
// two of which none comes after the other.
func (c *Checkout) forward(ctx context.Context, branch, commit string) (string, error) {
	head, err := c.resolve(ctx, "HEAD")
	if err != nil {
		return "", err
	}
	for _, order := range [][2]string{{head, commit}, {commit, head}} {
		_, err := c.git(ctx, localWait, "merge-base", "--is-ancestor", order[0], order[1])
		if err == nil {
			return order[1], nil
		}
		if !exitedWith(err, 1) {
			return "", err
		}
	}
	return "", &RefusedError{Reason: fmt.Sprintf("branch %s and the one it follows have gone apart: %s has commits that the remote has not", branch, c.Directory),
		Advice: "git log @{upstream}.. shows them; push them, or git reset --keep @{upstream}"}
}

// exitedWith tells a plain no of git from a failure.
func exitedWith(err error, code int) bool {
	var exit interface{ ExitCode() int }
	return errors.As(err, &exit) && exit.ExitCode() == code
}

// abbreviated is a commit that nobody needs to be asked for once it is here.
var abbreviated = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// Find returns the commit of a tag, a branch of a remote, a commit or a local
// branch, in this order, and asks the remotes before unless it is a commit
// that is here.
func (c *Checkout) Find(ctx context.Context, ref string) (string, error) {
	if abbreviated.MatchString(ref) {
		if commit, err := c.resolve(ctx, ref); err == nil {
			return commit, nil
		}
	}
	remotes, err := c.git(ctx, localWait, "remote")
	if err != nil {
		return "", err
	}
	candidates := []string{"refs/tags/" + ref}
	for _, remote := range strings.Fields(remotes) {
		if _, err := c.git(ctx, remoteWait, "fetch", "--quiet", "--tags", "--end-of-options", remote); err != nil {
			return "", err
		}
		candidates = append(candidates, "refs/remotes/"+remote+"/"+ref)
	}
	for _, candidate := range append(candidates, ref) {
		if commit, err := c.resolve(ctx, candidate); err == nil {
			return commit, nil
		}
	}
	return "", &RefusedError{Reason: fmt.Sprintf("git knows no tag, branch or commit %q", ref), Advice: "git tag and git branch --remotes list them"}
}

// Forward moves the branch of the checkout to a commit that comes after.
func (c *Checkout) Forward(ctx context.Context, commit string) error {
	_, err := c.git(ctx, moveWait, "merge", "--ff-only", "--quiet", commit)
	return err
}

// Detach puts the checkout at a commit. Its branches stay where they are.
func (c *Checkout) Detach(ctx context.Context, commit string) error {
	_, err := c.git(ctx, moveWait, "checkout", "--quiet", "--detach", commit)
	return err
}

// ErrMovedOn says that a checkout is not where it was put.
var ErrMovedOn = errors.New("somebody moved the checkout meanwhile")

// Restore brings a checkout back to where it was before it was moved to a
// commit. Edits made meanwhile are kept; where they stand in the way, and where
// somebody else moved it on, it stays as it is, with an error.
func (c *Checkout) Restore(ctx context.Context, before update.Revision, moved string) error {
	now, err := c.Revision(ctx)
	if err != nil {
		return err
	}
	if now.Commit == before.Commit && now.Branch == before.Branch {
		return nil
	}
	if now.Commit != moved {
		return fmt.Errorf("%w: it is at %s", ErrMovedOn, now.Short())
	}
	if now.Branch == before.Branch && before.Branch != "" {
		_, err = c.git(ctx, moveWait, "reset", "--keep", "--quiet", before.Commit)
		return err
	}
	if now.Branch != "" {
		return fmt.Errorf("%w: it is on branch %s", ErrMovedOn, now.Branch)
	}
	if before.Branch == "" {
		return c.Detach(ctx, before.Commit)
	}
	_, err = c.git(ctx, moveWait, "checkout", "--quiet", before.Branch, "--")
	return err
}
