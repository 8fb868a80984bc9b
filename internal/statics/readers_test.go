package statics

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// release lays out what a new version collects: style sheets with a digest in
// their names, pages that name them, and a file that keeps its name.
func release(t *testing.T, number int) (directory string, hashed []string) {
	t.Helper()
	files := map[string]string{}
	for i := range 20 {
		content := strings.Repeat(fmt.Sprintf("release %d sheet %d\n", number, i), 2000+number)
		name := fmt.Sprintf("css/%d/site.%s.css", i%3, digest(content))
		files[name], hashed = content, append(hashed, name)
		// The page's own digest shows whether it is whole.
		body := name + strings.Repeat("\n.", 20_000)
		files[fmt.Sprintf("a%d.html", i)] = digest(body) + "\n" + body
	}
	return tree(t, files), hashed
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:6])
}

// page reads a page and the style sheet that it names, as a browser does.
func page(served string, number int) error {
	text, err := os.ReadFile(filepath.Join(served, fmt.Sprintf("a%d.html", number)))
	if err != nil {
		return err
	}
	sum, body, _ := strings.Cut(string(text), "\n")
	if digest(body) != sum {
		return fmt.Errorf("half a page of %d bytes", len(text))
	}
	name, _, _ := strings.Cut(body, "\n")
	return sheet(served, name)
}

func sheet(served, name string) error {
	content, err := os.ReadFile(filepath.Join(served, name))
	if err != nil {
		return err
	}
	if !strings.Contains(name, digest(string(content))) {
		return fmt.Errorf("half of %s: %d bytes", name, len(content))
	}
	return nil
}

// Whoever reads while one release after the other is published, and half of the
// publications die, finds every page whole, what it names, and what the pages
// before named.
func TestReadersMissNothing(t *testing.T) {
	served, kept := release(t, 0)
	var known sync.Map // style sheets that a page may name
	for _, name := range kept {
		known.Store(name, true)
	}
	var stop atomic.Bool
	var reads atomic.Int64
	var readers sync.WaitGroup
	for first := range 4 {
		readers.Go(func() {
			for i := first; !stop.Load(); i++ {
				if err := page(served, i%20); err != nil {
					t.Error(err)
					return
				}
				reads.Add(1)
			}
		})
	}
	readers.Go(func() {
		for !stop.Load() {
			known.Range(func(name, _ any) bool {
				err := sheet(served, name.(string))
				if err != nil {
					t.Error(err)
				}
				return err == nil
			})
		}
	})
	for number := 1; number <= 3 && !t.Failed(); number++ {
		fresh, hashed := release(t, number)
		for at := number; dies(t, fresh, served, at); at += 13 {
		}
		for _, name := range hashed {
			known.Store(name, true)
		}
		for seen := reads.Load() + 100; reads.Load() < seen && !t.Failed(); {
			if err := page(served, number); err != nil {
				t.Error(err)
			}
		}
	}
	stop.Store(true)
	readers.Wait()
	if _, err := os.Lstat(filepath.Join(served, stagingName)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a staging directory is left")
	}
	t.Logf("%d pages read", reads.Load())
}
