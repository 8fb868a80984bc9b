package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// seeds feeds a fuzzer with every compose file of the golden cases.
func seeds(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*/*.txtar")
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(content), "\n-- ") {
			if _, body, found := strings.Cut(part, " --\n"); found {
				f.Add([]byte(unescape(body)))
			}
		}
	}
}

// FuzzGuard: whatever the bytes are, the pre-parse neither panics nor takes long.
func FuzzGuard(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		defer time.AfterFunc(time.Minute, func() { panic("slow: " + strconv.Quote(string(content))) }).Stop()
		var faults problems
		file, ok := guard("compose.yaml", content, &faults)
		if ok == (len(faults.list) > 0) {
			t.Errorf("ok is %t with %d faults", ok, len(faults.list))
		}
		if ok {
			newSourceIndex([]source{file})
		}
	})
}

// FuzzSettings: whatever an x-gapless block holds, the reader does not panic.
func FuzzSettings(f *testing.F) {
	f.Add([]byte("edge: {http: ':80'}"))
	f.Add([]byte("route: {port: 1, hosts: [a]}\nquiesce: [a]\ngate: {deadline: 1s}"))
	f.Add([]byte("hold: [1]\ndrain: .nan\noverlap: ~\norder: {}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		defer time.AfterFunc(time.Minute, func() { panic("slow: " + strconv.Quote(string(content))) }).Stop()
		var faults problems
		file, ok := guard("compose.yaml", content, &faults)
		if !ok || file.root == nil {
			return
		}
		decoder := settingsDecoder{
			faults: &faults, resolve: func(value string) (string, error) { return value, nil },
			place: func(_ string, node *yaml.Node) position { return position{line: node.Line} },
		}
		decoder.decode(file.root, "", &Settings{})
		decoder.decode(file.root, "", &ServiceSettings{})
		_ = (&InputError{Problems: faults.sorted()}).Error()
	})
}

// FuzzLoad: a hostile file ends in a project or in an error, never in a panic
// that reaches the caller.
func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "compose.yaml")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(context.Background(), Options{Files: []string{path}, ProjectName: "fuzz", Environ: []string{}})
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("slow: %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "the loader failed") && !strings.Contains(err.Error(), "goroutine") {
			t.Logf("recovered: %v", err)
		}
		if loaded != nil {
			Propose(loaded)
			if _, err := loaded.Render(); err != nil {
				t.Errorf("render: %v", err)
			}
		}
	})
}

func TestAliasBombIsRefusedQuickly(t *testing.T) {
	bomb := "services: {a: &w {<<: *w, image: a}, b: *w}\n"
	path := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(path, []byte(bomb), 0o600); err != nil {
		t.Fatal(err)
	}
	started := processorTime(t)
	_, err := Load(context.Background(), Options{Files: []string{path}, ProjectName: "x", Environ: []string{}})
	var input *InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), "contains itself") {
		t.Errorf("got %v", err)
	}
	if spent := processorTime(t) - started; spent > time.Second {
		t.Errorf("took %s", spent)
	}
}
