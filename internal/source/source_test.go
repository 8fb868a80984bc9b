package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gapless/internal/update"
)

// TestPullAndBack goes forward to what was pushed, and back to where it was.
func TestPullAndBack(t *testing.T) {
	w := newWorld(t)
	before, err := w.checkout.Revision(t.Context())
	if err != nil || before.Branch != "main" || before.Dirty || before.Directory != w.server {
		t.Fatalf("%+v, %v", before, err)
	}
	w.write(w.server, "media/upload.png", "x") // nobody's business
	pushed := w.push("app.py", "2")
	commit, err := w.checkout.Upstream(t.Context())
	if err != nil || commit != pushed {
		t.Fatalf("%s, %v, want %s", commit, err, pushed)
	}
	if err := errors.Join(w.checkout.Clean(t.Context()), w.checkout.Forward(t.Context(), commit)); err != nil {
		t.Fatal(err)
	}
	if got, want := w.head(), pushed+" main"; got != want || w.text("app.py") != "2" {
		t.Errorf("at %s, want %s", got, want)
	}
	if err := w.checkout.Restore(t.Context(), before, pushed); err != nil {
		t.Fatal(err)
	}
	if got, want := w.head(), before.Commit+" main"; got != want || w.text("app.py") != "1" || w.text("media/upload.png") != "x" {
		t.Errorf("back at %s, want %s", got, want)
	}
}

// TestRefused looks at each reason not to move; the checkout stays as it is.
func TestRefused(t *testing.T) {
	pull := func(ctx context.Context, c *Checkout) error {
		if err := c.Clean(ctx); err != nil {
			return err
		}
		commit, err := c.Upstream(ctx)
		if err != nil {
			return err
		}
		return c.Forward(ctx, commit)
	}
	find := func(ref string) func(context.Context, *Checkout) error {
		return func(ctx context.Context, c *Checkout) error {
			_, err := c.Find(ctx, ref)
			return err
		}
	}
	for _, c := range []struct {
		what    string
		prepare func(w *world)
		act     func(context.Context, *Checkout) error
		want    string
	}{
		{"an edited file", func(w *world) { w.write(w.server, "app.py", "mine") }, pull, "has changes that are not committed:\n   M app.py"},
		{"a staged file", func(w *world) { w.write(w.server, "new.py", ""); w.run(w.server, "add", "new.py") }, pull, "A  new.py"},
		{"branches that went apart", func(w *world) {
			w.write(w.server, "app.py", "mine")
			w.run(w.server, "commit", "--quiet", "-am", "mine")
		}, pull, "have gone apart"},
		{"no branch", func(w *world) { w.run(w.server, "checkout", "--quiet", "--detach") }, pull, "is not on a branch"},
		{"a branch of its own", func(w *world) { w.run(w.server, "checkout", "--quiet", "-b", "own") }, pull, "follows no branch"},
		{"a file in the way", func(w *world) { w.write(w.server, "second.py", "mine") }, pull, "untracked working tree files"},
		{"submodules", func(w *world) {
			w.write(w.server, ".gitmodules", "")
			w.run(w.server, "add", ".gitmodules")
			w.run(w.server, "commit", "--quiet", "-m", "s")
		}, pull, "has submodules"},
		{"a remote that is gone", func(w *world) { _ = os.Rename(w.remote, w.remote+".away") }, pull, "git fetch"},
		{"an unknown ref", func(*world) {}, find("v9"), `git knows no tag, branch or commit "v9"`},
		{"an option for a ref", func(*world) {}, find("--upload-pack=touch x"), "git knows no tag"},
		{"a ref that is a range", func(*world) {}, find("main..HEAD"), "git knows no tag"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t)
			w.push("app.py", "2")
			w.push("second.py", "2")
			c.prepare(w)
			head, status := w.head(), w.run(w.server, "status", "--porcelain")
			err := c.act(t.Context(), w.checkout)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			var hinted interface{ Hint() string }
			if !errors.As(err, &hinted) || hinted.Hint() == "" && c.what != "a remote that is gone" {
				t.Errorf("no hint: %#v", err)
			}
			if now := w.head(); now != head || w.run(w.server, "status", "--porcelain") != status {
				t.Errorf("the checkout was touched: %s, was %s", now, head)
			}
		})
	}
}

// TestAhead leaves a checkout with commits of its own where it is.
func TestAhead(t *testing.T) {
	w := newWorld(t)
	w.write(w.server, "app.py", "mine")
	w.run(w.server, "commit", "--quiet", "-am", "mine")
	commit, err := w.checkout.Upstream(t.Context())
	if err != nil || commit+" main" != w.head() {
		t.Errorf("%s, %v, at %s", commit, err, w.head())
	}
}

// TestFind takes tags, branches of the remote before stale local ones, and
// commits that are here without asking anybody.
func TestFind(t *testing.T) {
	w := newWorld(t)
	first := strings.Fields(w.head())[0]
	w.run(w.author, "tag", "v1")
	w.run(w.author, "push", "--quiet", "origin", "v1")
	second := w.push("app.py", "2")
	for ref, want := range map[string]string{"v1": first, "main": second, second: second} {
		if commit, err := w.checkout.Find(t.Context(), ref); err != nil || commit != want {
			t.Errorf("%s: %s, %v, want %s", ref, commit, err, want)
		}
	}
	if err := os.Rename(w.remote, w.remote+".away"); err != nil {
		t.Fatal(err)
	}
	if commit, err := w.checkout.Find(t.Context(), first[:8]); err != nil || commit != first {
		t.Errorf("a commit that is here: %s, %v", commit, err)
	}
	if commit, err := w.checkout.Find(t.Context(), "main"); err == nil {
		t.Errorf("a branch that cannot be asked for is taken from memory: %s", commit)
	}
}

// TestRestore goes back to a branch and to a commit of its own, and touches
// nothing that somebody else did meanwhile.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	onBranch, _ := w.checkout.Revision(t.Context())
	second := w.push("app.py", "2")
	third := w.push("app.py", "3")
	if _, err := w.checkout.Find(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	to := func(commit string) {
		t.Helper()
		if err := w.checkout.Detach(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	back := func(before update.Revision, moved string) error {
		return w.checkout.Restore(t.Context(), before, moved)
	}
	to(second)
	detached, _ := w.checkout.Revision(t.Context())
	if err := back(onBranch, second); err != nil || w.head() != onBranch.Commit+" main" {
		t.Errorf("to a branch: %v, at %s", err, w.head())
	}
	to(third)
	if err := back(detached, third); err != nil || w.head() != second {
		t.Errorf("to a commit: %v, at %s", err, w.head())
	}
	if err := back(detached, third); err != nil {
		t.Errorf("back already: %v", err)
	}
	if err := back(onBranch, third); !errors.Is(err, ErrMovedOn) || w.head() != second {
		t.Errorf("moved on by somebody: %v, at %s", err, w.head())
	}
	w.write(w.server, "app.py", "mine")
	if err := back(onBranch, second); err == nil || w.text("app.py") != "mine" {
		t.Errorf("edited meanwhile: %v, %q", err, w.text("app.py"))
	}
}

func TestNoCheckout(t *testing.T) {
	if _, err := Open(t.Context(), t.TempDir()); !errors.Is(err, ErrNoCheckout) {
		t.Errorf("%v", err)
	}
	w := newWorld(t)
	w.write(w.server, "deploy/compose.yaml", "")
	if c, err := Open(t.Context(), filepath.Join(w.server, "deploy")); err != nil || c.Directory != w.server {
		t.Errorf("below the top: %+v, %v", c, err)
	}
}

// TestRunsAsTheOwner leaves no file of root in somebody's checkout.
func TestRunsAsTheOwner(t *testing.T) {
	w := newWorld(t)
	if os.Geteuid() != 0 { // only root can become somebody else
		if w.checkout.owner != nil {
			t.Errorf("runs as %+v", w.checkout.owner)
		}
		return
	}
	pushed := w.push("deep/app.py", "2")
	const nobody = 65534
	for _, directory := range []string{filepath.Dir(filepath.Dir(w.server)), filepath.Dir(w.server)} {
		if err := os.Chmod(directory, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, directory := range []string{w.server, w.remote} {
		if err := filepath.WalkDir(directory, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, nobody))
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	commit, err := w.checkout.Upstream(t.Context())
	if err != nil || commit != pushed {
		t.Fatalf("%s, %v", commit, err)
	}
	if err := w.checkout.Forward(t.Context(), commit); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(w.server, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != nobody {
			t.Errorf("%s belongs to %d", path, info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
