package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// world is a remote, somebody who pushes to it, and the checkout of a server.
type world struct {
	t                      *testing.T
	remote, author, server string
	checkout               *Checkout
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(name, value)
	}
	directory := t.TempDir()
	w := &world{t: t, remote: filepath.Join(directory, "remote.git"), author: filepath.Join(directory, "author"), server: filepath.Join(directory, "server")}
	w.run(directory, "init", "--quiet", "--bare", "-b", "main", w.remote)
	w.run(directory, "clone", "--quiet", w.remote, w.author)
	w.run(w.author, "checkout", "--quiet", "-b", "main")
	w.push("app.py", "1")
	w.run(directory, "clone", "--quiet", w.remote, w.server)
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	checkout, err := Open(w.t.Context(), w.server)
	if err != nil {
		w.t.Fatal(err)
	}
	w.checkout = checkout
}

// run calls git and returns what it said.
func (w *world) run(directory string, arguments ...string) string {
	w.t.Helper()
	command := exec.Command("git", append([]string{"-C", directory}, arguments...)...)
	output, err := command.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// push makes a commit that writes a file and gives it to the remote.
func (w *world) push(name, text string) (commit string) {
	w.t.Helper()
	w.write(w.author, name, text)
	w.run(w.author, "add", name)
	w.run(w.author, "commit", "--quiet", "-m", text)
	w.run(w.author, "push", "--quiet", "--set-upstream", "origin", "HEAD")
	return w.run(w.author, "rev-parse", "HEAD")
}

func (w *world) write(directory, name, text string) {
	w.t.Helper()
	path := filepath.Join(directory, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) text(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.server, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

// head is where the server's checkout is, as "commit branch".
func (w *world) head() string {
	w.t.Helper()
	revision, err := w.checkout.Revision(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(revision.Commit + " " + revision.Branch)
}
