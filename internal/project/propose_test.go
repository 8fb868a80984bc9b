package project

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// TestPropose compares the proposed diff, and then loads what it leads to: the
// result must have a route and no fixed host port on the routed service.
func TestPropose(t *testing.T) {
	for _, path := range goldenCases(t, "testdata/propose/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			golden := readArchive(t, path)
			files := map[string]string{}
			for name, content := range golden.files {
				if name != "diff" && name != "by hand" && name != "notes" && name != "after" {
					files[name] = content
				}
			}
			directory := writeFiles(t, files)
			options := Options{ProjectDirectory: directory, Files: composeFiles(directory, golden.names), Environ: []string{}}
			loaded, err := Load(context.Background(), options)
			if err != nil {
				t.Fatal(err)
			}
			proposal := Propose(loaded)
			golden.expect(t, path, "diff", strings.ReplaceAll(proposal.Diff(), directory, "$DIR"))
			golden.expect(t, path, "by hand", strings.ReplaceAll(proposal.ByHand(), directory, "$DIR"))
			golden.expect(t, path, "notes", strings.ReplaceAll(lines(proposal.Notes), directory, "$DIR"))
			for _, file := range proposal.Files() {
				name := filepath.Base(file)
				content, err := proposal.Apply(file, []byte(files[name]))
				if err != nil {
					t.Fatal(err)
				}
				files[name] = string(content)
			}
			changed := writeFiles(t, files)
			options.ProjectDirectory, options.Files = changed, composeFiles(changed, golden.names)
			again, err := Load(context.Background(), options)
			got := describe(again, err)
			golden = readArchive(t, path)
			golden.expect(t, path, "after", strings.ReplaceAll(got, changed, "$DIR"))
			if err == nil && !Propose(again).Empty() {
				t.Errorf("the result gets another proposal:\n%s", Propose(again).Diff())
			}
		})
	}
}

func lines(list []string) string {
	text := ""
	for _, line := range list {
		text += line + "\n"
	}
	return text
}

func TestApplyRefusesAnotherFile(t *testing.T) {
	directory := writeFiles(t, map[string]string{"compose.yaml": "services: {web: {image: \"shop:1\", ports: [\"80:8000\"]}}\n"})
	loaded, err := Load(context.Background(), Options{ProjectDirectory: directory, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	proposal := Propose(loaded)
	if _, err := proposal.Apply(proposal.Files()[0], []byte("services: {}\n")); err == nil {
		t.Fatal("edits were applied to a file that they were not made for")
	}
}
