package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script calls stack.sh, which needs no engine for checkouts.
func script(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := exec.Command("./stack.sh", arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("stack.sh %v: %v\n%s", arguments, err, output)
	}
	return strings.TrimSpace(string(output))
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestChangesApply applies each change to a fresh checkout: a change of the
// application names a version, and reverting it brings the old one back.
func TestChangesApply(t *testing.T) {
	changes := strings.Fields(script(t, "changes"))
	if len(changes) < 13 {
		t.Fatalf("only %d changes: %v", len(changes), changes)
	}
	sameVersion := map[string]bool{"settings": true, "static": true, "nginx-conf": true, "nginx-conf-broken": true}
	for _, change := range changes {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			directory := filepath.Join(t.TempDir(), "tours")
			script(t, "new", directory)
			before := "base"
			if strings.HasPrefix(change, "judge-") && change != "judge-base" {
				before = "judge-base" // which the others of that name follow
				script(t, "apply", directory, before)
			}
			settings := read(t, directory, ".env")
			script(t, "apply", directory, change)
			version := strings.TrimSpace(read(t, directory, "VERSION"))
			if same := sameVersion[change] || strings.HasPrefix(change, "setup-"); (version == before) != same || (version != before && version != change) {
				t.Errorf("the version is %s", version)
			}
			if _, err := os.Stat("changes/" + change + ".env"); err == nil {
				if read(t, directory, ".env") == settings {
					t.Error(".env is as before")
				}
				return
			}
			script(t, "revert", directory)
			if version := strings.TrimSpace(read(t, directory, "VERSION")); version != before {
				t.Errorf("after a revert the version is %s", version)
			}
		})
	}
}

// TestChangesAddUp applies changes one after the other, as they pile up on a
// server.
func TestChangesAddUp(t *testing.T) {
	for _, changes := range []string{
		"code migration-compatible dependency settings static nginx-conf slow-boot setup-socket",
		"setup-socket setup-tags migration-breaking code dependency static memory-hog unhealthy",
		"setup-front code migration-compatible dependency settings static",
		"setup-native code migration-compatible dependency settings static",
		"unhealthy slow-boot memory-hog code nginx-conf nginx-conf-broken",
	} {
		directory := filepath.Join(t.TempDir(), "tours")
		script(t, "new", directory)
		for change := range strings.FieldsSeq(changes) {
			script(t, "apply", directory, change)
		}
	}
}

// TestSet replaces a setting and keeps the others.
func TestSet(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "tours")
	script(t, "new", directory)
	script(t, "set", directory, "HTTP_PORT=18080", "NEW=a b")
	got := read(t, directory, ".env")
	if strings.Count(got, "HTTP_PORT=") != 1 || !strings.Contains(got, "HTTP_PORT=18080\n") ||
		!strings.Contains(got, "NEW=a b\n") || !strings.Contains(got, "POSTGRES_DB=tours\n") {
		t.Errorf(".env:\n%s", got)
	}
}
