package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"filippo.io/age"

	"gapless/internal/backup/archive"
)

// listing identifies all that is in an archive.
type listing struct {
	Entries int64  `json:"entries"`
	Bytes   int64  `json:"bytes"` // of the files
	SHA256  string `json:"sha256"`
}

// lister sums lines up.
type lister struct {
	listing
	sum hash.Hash
}

func newLister() *lister { return &lister{sum: sha256.New()} }

func (l *lister) add(e archive.Entry) {
	l.Entries++
	l.Bytes += e.Size
	_, _ = io.WriteString(l.sum, e.Line()+"\n")
}

func (l *lister) done() listing {
	l.SHA256 = hex.EncodeToString(l.sum.Sum(nil))
	return l.listing
}

// counter counts what goes through it.
type counter struct {
	to    io.Writer
	count atomic.Int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.count.Add(int64(n))
	return n, err
}

// compare holds the lines of restored files against those of the archive.
func (v *Volume) compare(ctx context.Context, directory string, d Database, identities []age.Identity) func(io.Reader) error {
	return func(got io.Reader) error {
		want, lines := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			reader, err := openDump(ctx, filepath.Join(directory, d.File), d, identities)
			if err == nil {
				err = archive.Lines(reader, func(e archive.Entry) error {
					_, err := io.WriteString(lines, e.Line()+"\n")
					return err
				})
				_ = reader.file.Close()
			}
			lines.CloseWithError(err)
			ended <- err
		}()
		err := compareLines(d.Name, want, got)
		_ = want.CloseWithError(io.ErrClosedPipe)
		<-ended
		return err
	}
}

// compareLines goes through two lists in the order of an archive.
func compareLines(name string, want, got io.Reader) error {
	a, b := &lineReader{from: bufio.NewReader(want)}, &lineReader{from: bufio.NewReader(got)}
	var found []string
	a.next()
	b.next()
	for a.line != "" || b.line != "" {
		order := slices.Compare(a.parts(), b.parts())
		switch {
		case a.line == b.line:
		case b.line == "" || a.line != "" && order < 0:
			found = append(found, fmt.Sprintf("%.200q is missing", archive.PathOf(a.line)))
		case a.line == "" || order > 0:
			found = append(found, fmt.Sprintf("%.200q was not there", archive.PathOf(b.line)))
		default:
			found = append(found, fmt.Sprintf("%.200q is another one", archive.PathOf(a.line)))
		}
		if len(found) > 100 {
			break
		}
		forward := a.line != "" && (b.line == "" || order <= 0)
		if b.line != "" && (a.line == "" || order >= 0) {
			b.next()
		}
		if forward {
			a.next()
		}
	}
	if err := errors.Join(a.err, b.err); err != nil {
		return err
	}
	if len(found) > 0 {
		return &DifferenceError{Database: name, Differences: found}
	}
	return nil
}

// lineReader is one of two lists.
type lineReader struct {
	from *bufio.Reader
	line string // empty: there is no more
	err  error
}

func (l *lineReader) next() {
	line, err := l.from.ReadString('\n')
	l.line = strings.TrimSuffix(line, "\n")
	if err != nil && err != io.EOF {
		l.line, l.err = "", err
	}
}

// parts are what the order of an archive goes by.
func (l *lineReader) parts() []string {
	path := archive.PathOf(l.line)
	if path == "." || path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
