package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gapless/internal/backup"
	"gapless/internal/project"
	"gapless/internal/update"
)

// TestUpdateBacksUpWhatElseIsNamed: the plan names all of it, and one that cannot be
// backed up keeps the update from migrating.
func TestUpdateBacksUpWhatElseIsNamed(t *testing.T) {
	s := filesSession(t, "also: [cache, media]")
	state := databaseRuns(true)
	state.Containers = append(state.Containers, update.Container{Service: "cache", Number: 1, Running: true})
	target, err := s.backupTarget(state, update.Options{})
	if err != nil || target.No != "" || target.Service != "db" || !slices.Equal(target.Also, []string{"cache", "volume media of web and worker"}) {
		t.Fatalf("%+v, %v", target, err)
	}
	state.Containers[1].Running = false
	if target, err = s.backupTarget(state, update.Options{}); err != nil || target.No != "cache does not run" {
		t.Errorf("%+v, %v", target, err)
	}
	if _, err := filesSession(t, "also: [nothing]").backupTarget(state, update.Options{}); err == nil || !strings.Contains(err.Error(), `no volume "nothing"`) {
		t.Error(err)
	}
	if target, err := filesSession(t, "").backupTarget(state, update.Options{}); err != nil || len(target.Also) > 0 || target.Wanted {
		t.Errorf("nothing is asked for: %+v, %v", target, err)
	}
}

// filesSession is a session of a project that has one of each kind.
func filesSession(t *testing.T, settings string) *session {
	t.Helper()
	s := backupSession(t, settings)
	directory := t.TempDir()
	writeFile(t, directory+"/compose.yaml", `name: shop
services:
  db: {image: postgres:15}
  cache: {image: redis:7, volumes: ["cached:/data"]}
  web: {image: web, volumes: ["media:/media"], x-gapless: {role: worker}}
  worker: {image: web, volumes: ["media:/media"]}
volumes: {cached: {}, media: {}}
x-gapless: {backup: {`+settings+"}}\n")
	p, err := project.Load(t.Context(), project.Options{Files: []string{directory + "/compose.yaml"}})
	if err != nil {
		t.Fatal(err)
	}
	s.project = p
	return s
}

// TestItemOfABackup: a backup leads to what it is of, also of a volume that the
// compose file has no more.
func TestItemOfABackup(t *testing.T) {
	s := filesSession(t, "")
	for name, c := range map[string]struct {
		of   backup.Manifest
		want string
	}{
		"from when there was one kind": {backup.Manifest{Service: "db"}, "postgres db"},
		"redis":                        {backup.Manifest{Kind: "redis", Service: "cache"}, "redis cache"},
		"volume":                       {backup.Manifest{Kind: "volume", Volume: "media", Service: "web"}, "volume volume media of web and worker"},
		"volume that is gone":          {backup.Manifest{Kind: "volume", Volume: "old", Service: "web"}, "volume volume old"},
	} {
		if item := s.itemOf(c.of); item.Kind+" "+item.Text() != c.want {
			t.Errorf("%s: %+v", name, item)
		}
	}
}

// TestManyBackups: all are dumped before the first is proven, and one that fails is
// the end.
func TestManyBackups(t *testing.T) {
	broken := errors.New("broken")
	first, second := &dumps{}, &dumps{err: broken}
	all := manyBackups{first, second}
	if err := all.Dump(context.Background(), nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := all.Discard(t.Context()); err != nil || !first.discarded || !second.discarded {
		t.Errorf("%+v %+v", first, second)
	}
	if err := all.Prove(t.Context(), nil); err != nil || !first.proven || !second.proven {
		t.Errorf("%+v %+v", first, second)
	}
}

// TestHelperProgram: the commands that helpers run do what they say, on their
// streams.
func TestHelperProgram(t *testing.T) {
	from, proof, into := t.TempDir(), t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(from, "a"), "text")
	writeFile(t, filepath.Join(into, "a"), "of today")
	var archived []byte
	for _, c := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"write", from}, ""},
		{[]string{"prove", proof}, `"a" f`},
		{[]string{"fill", into, "1"}, `"a" f`},
		{[]string{"held", into}, `"entries":1`},
		{[]string{"exchange", into, "1"}, ""},
		{[]string{"discard", into, "1"}, ""},
	} {
		var out, errOut bytes.Buffer
		code := Main(t.Context(), append([]string{"gapless", "archive"}, c.arguments...), bytes.NewReader(archived), &out, &errOut)
		if code != 0 || !strings.Contains(out.String(), c.says) {
			t.Fatalf("%q: %d %s %s", c.arguments, code, out.String(), errOut.String())
		}
		if c.arguments[0] == "write" {
			archived = out.Bytes()
		}
	}
	now, _ := os.ReadFile(filepath.Join(into, "a"))
	kept, _ := os.ReadFile(filepath.Join(into, ".gapless-before-1", "a"))
	if string(now) != "text" || string(kept) != "of today" {
		t.Errorf("%q, %q", now, kept)
	}
	var out, errOut bytes.Buffer
	if Main(t.Context(), []string{"gapless", "archive", "prove", t.TempDir()}, bytes.NewReader(archived[:2000]), &out, &errOut) == 0 || !strings.Contains(errOut.String(), "is cut off") {
		t.Errorf("a part of an archive: %s", errOut.String())
	}
}
