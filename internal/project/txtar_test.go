package project

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// archive is a golden case: a comment, then files after `-- name --` lines.
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

func readArchive(t *testing.T, path string) *archive {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	result := &archive{files: map[string]string{}}
	name := ""
	for _, line := range strings.SplitAfter(string(content), "\n") {
		marker := strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(marker, "-- ") && strings.HasSuffix(marker, " --") {
			name = marker[3 : len(marker)-3]
			result.names = append(result.names, name)
			result.files[name] = ""
			continue
		}
		if name == "" {
			result.comment += line
			continue
		}
		result.files[name] += line
	}
	return result
}

func (a *archive) write(t *testing.T, path string) {
	t.Helper()
	text := a.comment
	for _, name := range a.names {
		text += "-- " + name + " --\n" + a.files[name]
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// expect compares got with the named section, or rewrites it with -update.
func (a *archive) expect(t *testing.T, path, name, got string) {
	t.Helper()
	if a.files[name] == got {
		return
	}
	if !*update {
		t.Errorf("%s: section %s differs\n--- got\n%s--- want\n%s", path, name, got, a.files[name])
		return
	}
	if _, found := a.files[name]; !found {
		a.names = append(a.names, name)
	}
	a.files[name] = got
	a.write(t, path)
}

func goldenCases(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden cases in %s: %v", pattern, err)
	}
	return paths
}
