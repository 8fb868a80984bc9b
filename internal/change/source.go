package change

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// HashSource digests everything that a build of the service depends on and
// that is on this host: the build section, the Dockerfile and the context
// without what .dockerignore leaves out. Base images are not part of it.
// A remote context is digested by its address only.
func HashSource(build *types.BuildConfig) (string, error) {
	sum := sha256.New()
	section, err := json.Marshal(build)
	if err != nil {
		return "", err
	}
	sum.Write(section)
	if info, err := os.Stat(build.Context); err == nil && info.IsDir() {
		if err := hashDirectory(sum, build); err != nil {
			return "", fmt.Errorf("read build context %s: %w", build.Context, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

func hashDirectory(sum hash.Hash, build *types.BuildConfig) error {
	dockerfile := build.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	if !filepath.IsAbs(dockerfile) {
		dockerfile = filepath.Join(build.Context, dockerfile)
	}
	if err := hashFile(sum, dockerfile, "Dockerfile"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ignored, err := readIgnore(build.Context, dockerfile)
	if err != nil {
		return err
	}
	return filepath.WalkDir(build.Context, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(build.Context, path)
		if err != nil || relative == "." {
			return err
		}
		skip, err := ignored.MatchesOrParentMatches(relative)
		if err != nil {
			return err
		}
		if skip {
			if entry.IsDir() && !ignored.Exclusions() {
				return filepath.SkipDir
			}
			return nil
		}
		return hashEntry(sum, path, relative, entry)
	})
}

// readIgnore reads the ignore file in the order of docker build: the one of
// the Dockerfile first, then the one of the context.
func readIgnore(context, dockerfile string) (*patternmatcher.PatternMatcher, error) {
	for _, path := range []string{dockerfile + ".dockerignore", filepath.Join(context, ".dockerignore")} {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer file.Close()
		patterns, err := ignorefile.ReadAll(file)
		if err != nil {
			return nil, err
		}
		return patternmatcher.New(patterns)
	}
	return patternmatcher.New(nil)
}

func hashEntry(sum hash.Hash, path, name string, entry fs.DirEntry) error {
	switch {
	case entry.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "\x00link %q %q", name, target)
		return nil
	case entry.Type().IsRegular():
		return hashFile(sum, path, name)
	default:
		return nil
	}
}

func hashFile(sum hash.Hash, path, name string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "\x00file %q %o %d\x00", name, info.Mode().Perm(), info.Size())
	_, err = io.Copy(sum, file)
	return err
}
