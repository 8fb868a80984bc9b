package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// budget bounds how much is read.
type budget struct {
	files int
	bytes int64
}

// mountBudget is what is read for one service: configuration is small, and a
// plan must not take minutes because a directory of pictures is mounted.
var mountBudget = budget{files: 2000, bytes: 64 << 20}

// errTooMuch says that a budget is used up.
var errTooMuch = errors.New("too much")

// spend takes one file of a size from the budget.
func (b *budget) spend(size int64) error {
	if b.files < 1 || b.bytes < size {
		return errTooMuch
	}
	b.files--
	b.bytes -= size
	return nil
}

// mountDigests keeps the digests of paths that several services mount.
type mountDigests map[string]mountDigest

type mountDigest struct {
	hash, note string
	cost       budget
}

// of is the digest of a file or directory, or why there is none.
func (d mountDigests) of(ctx context.Context, path string, left *budget, leaveOut ...string) (sum, note string) {
	known, have := d[path]
	if !have {
		rest := mountBudget
		sum, err := digestOf(ctx, path, &rest, leaveOut...)
		known = mountDigest{hash: sum, cost: budget{mountBudget.files - rest.files, mountBudget.bytes - rest.bytes}}
		if err != nil && !errors.Is(err, errTooMuch) {
			known.note = "it cannot be read: " + reason(err)
		} else if err != nil {
			known.cost = budget{mountBudget.files + 1, mountBudget.bytes + 1}
		}
		d[path] = known
	}
	if known.note != "" {
		return "", known.note
	}
	if left.files < known.cost.files || left.bytes < known.cost.bytes {
		return "", fmt.Sprintf("the mounted files of the service are more than %d files or %d MiB", mountBudget.files, mountBudget.bytes>>20)
	}
	left.files -= known.cost.files
	left.bytes -= known.cost.bytes
	return known.hash, ""
}

// digestOf digests the content of a file, or the names and contents of a
// directory. Links in a directory are not followed, and the history of git is
// not what a container reads. Directories to leave out are given by their paths.
func digestOf(ctx context.Context, path string, left *budget, leaveOut ...string) (string, error) {
	sum := sha256.New()
	found, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !found.IsDir() {
		err = digestFile(sum, path, left)
		return hex.EncodeToString(sum.Sum(nil)), err
	}
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	err = filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		name, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || slices.Contains(leaveOut, filepath.Join(path, name))) {
			return filepath.SkipDir
		}
		return digestEntry(sum, at, name, entry, left)
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

func digestEntry(sum hash.Hash, path, name string, entry fs.DirEntry, left *budget) error {
	switch entry.Type() {
	case fs.ModeDir:
		fmt.Fprintf(sum, "directory %q\n", name)
	case fs.ModeSymlink:
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "link %q %q\n", name, target)
		return left.spend(0)
	case 0:
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content := sha256.New()
		if err := digestFile(content, path, left); err != nil {
			return err
		}
		fmt.Fprintf(sum, "file %q %t %x\n", name, info.Mode()&0o111 != 0, content.Sum(nil))
	}
	return nil // sockets and devices have no content
}

// digestFile adds the content of a file, never more than the budget: it may
// grow meanwhile.
func digestFile(sum hash.Hash, path string, left *budget) error {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	found, err := file.Stat()
	if err != nil {
		return err
	}
	if !found.Mode().IsRegular() {
		return nil // replaced this moment
	}
	if err := left.spend(found.Size()); err != nil {
		return err
	}
	_, err = io.Copy(sum, io.LimitReader(file, found.Size()))
	return err
}
