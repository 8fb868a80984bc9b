//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gapless/test/load"
)

// repository is a remote of the example with somebody who pushes to it, and
// the checkout on the server that a deployment is made from.
type repository struct {
	t              *testing.T
	author, server string
}

// gitEnvironment keeps the settings of whoever runs the tests out of them.
var gitEnvironment = []string{
	"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
	"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
}

// fromGit makes the deployment follow a checkout whose compose file names the
// version.
func (s *shop) fromGit(version string) *repository {
	s.t.Helper()
	s.env = append(s.env, gitEnvironment...)
	directory := s.t.TempDir()
	r := &repository{t: s.t, author: filepath.Join(directory, "author"), server: filepath.Join(directory, "server")}
	remote := filepath.Join(directory, "remote.git")
	r.git(directory, "init", "--quiet", "--bare", "-b", "main", remote)
	r.git(directory, "clone", "--quiet", remote, r.author)
	r.git(r.author, "checkout", "--quiet", "-b", "main")
	r.push(version)
	r.git(directory, "clone", "--quiet", remote, r.server)
	s.file = filepath.Join(r.server, "compose.yaml")
	return r
}

func (r *repository) git(directory string, arguments ...string) string {
	r.t.Helper()
	command := exec.Command("git", append([]string{"-C", directory}, arguments...)...)
	command.Env = append(os.Environ(), gitEnvironment...)
	output, err := command.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// push gives the remote a compose file for a version and returns the commit.
func (r *repository) push(version string) string {
	r.t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "examples/shop/compose.yaml"))
	if err != nil {
		r.t.Fatal(err)
	}
	if !bytes.Contains(content, []byte("${SHOP_TAG:-v1}")) {
		r.t.Fatal("the example has no ${SHOP_TAG:-v1}")
	}
	return r.pushText(strings.ReplaceAll(patient(string(content)), "${SHOP_TAG:-v1}", version))
}

func (r *repository) pushText(text string) string {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.author, "compose.yaml"), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.git(r.author, "add", "compose.yaml")
	r.git(r.author, "commit", "--quiet", "-m", "next")
	r.git(r.author, "push", "--quiet", "--force", "origin", "HEAD:main")
	return r.git(r.author, "rev-parse", "HEAD")
}

// at fails the test unless the server's checkout is clean and at a commit, on a
// branch or on none.
func (r *repository) at(what, commit, branch string) {
	r.t.Helper()
	if now := r.git(r.server, "rev-parse", "HEAD"); now != commit {
		r.t.Errorf("%s: the checkout is at %s, want %s", what, now, commit)
	}
	if now := r.git(r.server, "branch", "--show-current"); now != branch {
		r.t.Errorf("%s: the checkout is on branch %q, want %q", what, now, branch)
	}
	if status := r.git(r.server, "status", "--porcelain"); status != "" {
		r.t.Errorf("%s: the checkout is not clean: %s", what, status)
	}
}

// slowly is traffic for tests that are not about its amount.
func slowly(c *load.Config) { c.RatePerSecond = 40 }

// TestPull updates from a git remote under traffic, to what was asked for and
// back.
func TestPull(t *testing.T) {
	s := newShop(t)
	build(t, "v2", "")
	r := s.fromGit("v1")
	first := r.git(r.server, "rev-parse", "HEAD")
	s.pull(0, "--pull") // nothing newer: made from what is there
	s.expect("v1")
	traffic := s.traffic(slowly)

	second := r.push("v2")
	s.pull(0, "--pull")
	s.expect("v2")
	r.at("pulled", second, "main")
	if shown := s.run("v1", "show"); !strings.Contains(shown.output, "revision: "+second[:10]+" (main)") {
		t.Errorf("the release does not say its revision:\n%s", shown.output)
	}
	if past := s.run("v1", "history"); !strings.Contains(past.output, second[:10]) || !strings.Contains(past.output, first[:10]) {
		t.Errorf("the history does not say the revisions:\n%s", past.output)
	}

	s.pull(0, "--ref", first[:12])
	s.expect("v1")
	r.at("a commit that was asked for", first, "")
	back := s.run("v1", "rollback", "--yes")
	if back.code != 0 || !strings.Contains(back.output, "git -C "+r.server+" checkout "+second[:10]) {
		t.Errorf("rollback: exit code %d, and the way to its revision is not said:\n%s", back.code, back.output)
	}
	s.expect("v2")
	r.at("a rollback", first, "")
	if back := s.run("v1", "rollback", "--yes", "--checkout", "1"); back.code != 0 {
		t.Errorf("rollback --checkout: exit code %d\n%s", back.code, back.output)
	}
	if back := s.run("v1", "rollback", "--yes", "--checkout", "2"); back.code != 0 {
		t.Errorf("rollback --checkout: exit code %d\n%s", back.code, back.output)
	}
	s.expect("v2")
	r.at("a rollback with its checkout", second, "")
	s.clean(traffic.Stop())
}

// TestPullRefused touches neither the checkout nor a container when the
// checkout cannot simply go forward.
func TestPullRefused(t *testing.T) {
	s := newShop(t)
	r := s.fromGit("v1")
	s.update("v1", 0)
	first := r.git(r.server, "rev-parse", "HEAD")
	before := strings.Join(s.containers(), " ")
	refused := func(what, want string) {
		t.Helper()
		if said := s.pull(13, "--pull"); !strings.Contains(said.output, want) {
			t.Errorf("%s: %q is not said:\n%s", what, want, said.output)
		}
		if after := strings.Join(s.containers(), " "); after != before {
			t.Errorf("%s: containers changed:\n%s\n%s", what, before, after)
		}
	}
	r.push("v2")
	edited, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file, append(edited, "# mine\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	refused("an edited file", "M compose.yaml")
	if now, _ := os.ReadFile(s.file); !strings.HasSuffix(string(now), "# mine\n") {
		t.Error("the edit is gone")
	}
	r.git(r.server, "commit", "--quiet", "--all", "-m", "mine")
	mine := r.git(r.server, "rev-parse", "HEAD")
	refused("branches that went apart", "have gone apart")
	r.at("branches that went apart", mine, "main")
	r.git(r.server, "reset", "--quiet", "--hard", first)
	r.pushText("services: [\n")
	refused("a compose file that cannot be read", "compose.yaml")
	r.at("a compose file that cannot be read", first, "main")
}

// TestPullTakenBack brings the checkout back when the update does not go
// through, also when its process was killed.
func TestPullTakenBack(t *testing.T) {
	s := newShop(t)
	build(t, "b1", "api:never-healthy")
	r := s.fromGit("v1")
	s.update("v1", 0)
	first := r.git(r.server, "rev-parse", "HEAD")
	traffic := s.traffic(slowly)
	r.push("b1")
	environment := s.env
	s.env = append(slices.Clone(environment), impatient)
	s.pull(10, "--pull", "api")
	s.env = environment
	s.expect("v1")
	r.at("a version that never becomes healthy", first, "main")
	s.pulledAndKilled(r, "v1", first)
	s.clean(traffic.Stop())
}

// pull runs an update that moves the checkout, and fails the test unless the
// exit code is the wanted one.
func (s *shop) pull(wantCode int, arguments ...string) result {
	s.t.Helper()
	r := s.run("v1", append([]string{"update", "--yes"}, arguments...)...)
	if r.code != wantCode {
		s.t.Fatalf("update %s: exit code %d, want %d\n%s", strings.Join(arguments, " "), r.code, wantCode, r.output)
	}
	return r
}

// pulledAndKilled kills an update to a bad version in the middle of its run:
// whoever ends it brings the checkout back as well.
func (s *shop) pulledAndKilled(r *repository, version, want string) {
	s.t.Helper()
	killed := s.command("v1", "update", "--yes", "--pull", "api")
	var said bytes.Buffer
	killed.Stdout, killed.Stderr = &said, &said
	if err := killed.Start(); err != nil {
		s.t.Fatal(err)
	}
	waitFor(s.t, func() bool { return strings.Contains(strings.Join(s.containers(), " "), ":b1_") })
	_ = killed.Process.Kill()
	_ = killed.Wait()
	if now := r.git(r.server, "rev-parse", "HEAD"); now == want {
		s.t.Errorf("the checkout was not moved before the run:\n%s", said.String())
	}
	if resumed := s.run("v1", "resume"); resumed.code != 10 {
		s.t.Errorf("resume: exit code %d\n%s", resumed.code, resumed.output)
	}
	s.expect(version)
	r.at("killed and resumed", want, "main")
}
