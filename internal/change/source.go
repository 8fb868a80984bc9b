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
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// ReadSource digests everything that a build depends on and that is on this
// host: the build section, the Dockerfile and the context without what
// .dockerignore leaves out. Base images are not part of it, nor are the paths
// in leaveOut, which are absolute, and the directories of version control. A
// remote context is digested by its address only.
func ReadSource(build *types.BuildConfig, leaveOut []string) (Source, error) {
	section, err := json.Marshal(build)
	if err != nil {
		return Source{}, err
	}
	r := reader{build: build, leaveOut: leaveOut, sum: sha256.New()}
	r.sum.Write(section)
	if info, err := os.Stat(build.Context); err == nil && info.IsDir() {
		if err := r.directory(); err != nil {
			return Source{}, fmt.Errorf("read build context %s: %w", build.Context, err)
		}
	}
	return r.manifest.source(hex.EncodeToString(r.sum.Sum(nil)[:16]), section), nil
}

// reader reads one build context.
type reader struct {
	build    *types.BuildConfig
	leaveOut []string
	sum      hash.Hash
	manifest manifest
}

// versionControl is where tools keep history: it changes with every commit,
// also with one that has nothing to do with the image.
var versionControl = []string{".git", ".hg", ".svn"}

func (r *reader) directory() error {
	context := r.build.Context
	dockerfile := r.build.Dockerfile
	if dockerfile == "" {
		dockerfile = dockerfilePath
	}
	if !filepath.IsAbs(dockerfile) {
		dockerfile = filepath.Join(context, dockerfile)
	}
	digest, err := r.file(dockerfile, dockerfilePath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.manifest.dockerfile = digest
	ignored, err := readIgnore(context, dockerfile)
	if err != nil {
		return err
	}
	return filepath.WalkDir(context, func(path string, entry fs.DirEntry, err error) error {
		if entry == nil {
			return err
		}
		if slices.Contains(r.leaveOut, path) || slices.Contains(versionControl, entry.Name()) {
			return skipped(entry)
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(context, path)
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
		digest, err := r.entry(path, filepath.ToSlash(relative), entry)
		if err == nil && digest != nil && path != dockerfile {
			r.manifest.add(filepath.ToSlash(relative), digest)
		}
		return err
	})
}

func skipped(entry fs.DirEntry) error {
	if entry.IsDir() {
		return filepath.SkipDir
	}
	return nil
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

// entry digests a file or a link; nil for anything else.
func (r *reader) entry(path, name string, entry fs.DirEntry) ([]byte, error) {
	switch {
	case entry.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			return nil, err
		}
		own := sha256.New()
		fmt.Fprintf(io.MultiWriter(r.sum, own), "\x00link %q %q", name, target)
		return own.Sum(nil), nil
	case entry.Type().IsRegular():
		return r.file(path, name)
	default:
		return nil, nil
	}
}

func (r *reader) file(path, name string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	own := sha256.New()
	both := io.MultiWriter(r.sum, own)
	fmt.Fprintf(both, "\x00file %q %o %d\x00", name, info.Mode().Perm(), info.Size())
	if _, err := io.Copy(both, file); err != nil {
		return nil, err
	}
	return own.Sum(nil), nil
}
