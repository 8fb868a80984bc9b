package source

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"gapless/internal/update"
)

// The reasons for which a directory has no revision.
var (
	ErrNoGit      = errors.New("git is not installed")
	ErrNoCheckout = errors.New("not a git checkout")
)

// Checkout is a working tree of git.
type Checkout struct {
	Directory string // its top
	owner     *owner
}

// Open finds the checkout that a directory lies in.
func Open(ctx context.Context, directory string) (*Checkout, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, ErrNoGit
	}
	owner, err := ownerOf(directory)
	if err != nil {
		return nil, err
	}
	c := &Checkout{Directory: directory, owner: owner}
	top, err := c.git(ctx, localWait, "rev-parse", "--show-toplevel")
	var failed *GitError
	if errors.As(err, &failed) && strings.Contains(failed.Output, "not a git repository") {
		return nil, fmt.Errorf("%s: %w", directory, ErrNoCheckout)
	}
	if err != nil {
		return nil, err
	}
	c.Directory = filepath.Clean(strings.TrimSuffix(top, "\n"))
	return c, nil
}

// Revision is what the checkout is at. A checkout without a commit has none:
// the error is a *GitError.
func (c *Checkout) Revision(ctx context.Context) (update.Revision, error) {
	revision := update.Revision{Directory: c.Directory}
	var err error
	if revision.Commit, err = c.resolve(ctx, "HEAD"); err != nil {
		return revision, err
	}
	if branch, err := c.git(ctx, localWait, "symbolic-ref", "--quiet", "--short", "HEAD"); err == nil {
		revision.Branch = strings.TrimSpace(branch)
	}
	edited, err := c.Edited(ctx)
	revision.Dirty = len(edited) > 0
	return revision, err
}

// Edited lists the tracked files that differ from the commit, as git status
// writes them. Files that git does not know are nobody's business here.
func (c *Checkout) Edited(ctx context.Context) ([]string, error) {
	output, err := c.git(ctx, localWait, "status", "--porcelain=v1", "--untracked-files=no")
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(output, func(char rune) bool { return char == '\n' }), nil
}

// resolve finds the commit that a name stands for. The name cannot be taken
// for an option.
func (c *Checkout) resolve(ctx context.Context, name string) (string, error) {
	output, err := c.git(ctx, localWait, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	return strings.TrimSpace(output), err
}
