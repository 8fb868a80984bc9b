package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"gapless/internal/update"
)

// Mounts looks at the files of the host that the services read, by service
// name: those that are mounted for reading, and the contents of configs and
// secrets. What a service writes is left out, as far as that can be told, and so
// are the directories to leave out.
func (w *Workbench) Mounts(ctx context.Context, containers []update.Container, leaveOut ...string) (map[string][]update.MountedFile, error) {
	digests, found := mountDigests{}, map[string][]update.MountedFile{}
	for _, name := range sortedKeys(w.project.Services) {
		files := slices.DeleteFunc(w.mountedFiles(w.project.Services[name]), func(f update.MountedFile) bool { return slices.Contains(leaveOut, f.Source) })
		left := mountBudget
		for i := range files {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if files[i].Hash == "" && files[i].Note == "" {
				files[i].Hash, files[i].Note = digests.of(ctx, files[i].Source, &left, leaveOut...)
			}
			files[i].Stale = !files[i].Injected && w.isStale(files[i], name, containers)
		}
		if len(files) > 0 {
			found[name] = files
		}
	}
	return found, ctx.Err()
}

// mountedFiles lists what is to be compared, by target.
func (w *Workbench) mountedFiles(service types.ServiceConfig) []update.MountedFile {
	var files []update.MountedFile
	for _, volume := range service.Volumes {
		if volume.Type == types.VolumeTypeBind {
			files = w.addMount(files, update.MountedFile{Source: volume.Source, Target: volume.Target, Writable: !volume.ReadOnly})
		}
	}
	for _, file := range w.injectedFiles(service) {
		mounted := update.MountedFile{Source: file.source.File, Target: file.target()}
		if content, held, _ := w.contentOf(file); held {
			sum := sha256.Sum256([]byte(content))
			mounted.Source, mounted.Hash, mounted.Injected = file.kind+" "+file.reference.Source, hex.EncodeToString(sum[:]), true
			files = append(files, mounted)
		} else if file.source.File != "" {
			files = w.addMount(files, mounted)
		}
	}
	slices.SortStableFunc(files, func(a, b update.MountedFile) int { return strings.Compare(a.Target, b.Target) })
	return files
}

// addMount adds a mount that is read and not written: a single file, or a
// directory of the project that is mounted read-only.
func (w *Workbench) addMount(files []update.MountedFile, file update.MountedFile) []update.MountedFile {
	found, err := os.Stat(file.Source)
	switch {
	case err != nil && !file.Writable:
		file.Note = "it cannot be looked at: " + reason(err)
	case err != nil:
		return files // the engine makes a directory for data
	case found.Mode().IsRegular():
		if file.Writable && isWritten(file.Source) {
			return files
		}
	case !found.IsDir() || file.Writable || !isBelow(w.project.WorkingDir, file.Source) || w.isProduced(file.Source):
		return files
	}
	return append(files, file)
}

// isProduced tells whether a service of the project may write into a directory,
// as one that collects the static files which another one serves. Who mounts
// the whole project for writing does not count.
func (w *Workbench) isProduced(directory string) bool {
	for _, service := range w.project.Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind || volume.ReadOnly || filepath.Clean(volume.Source) == filepath.Clean(w.project.WorkingDir) {
				continue
			}
			if found, err := os.Stat(volume.Source); err == nil && found.IsDir() && (isBelow(volume.Source, directory) || isBelow(directory, volume.Source)) {
				return true
			}
		}
	}
	return false
}

// isBelow tells whether a path is the directory or lies in it.
func isBelow(directory, path string) bool {
	relative, err := filepath.Rel(directory, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, "../")
}

// writtenSuffixes are those of files that programs write while they run.
var writtenSuffixes = []string{".log", ".pid", ".lock", ".db", ".sqlite", ".sqlite3", ".rdb", ".aof"}

// isWritten tells whether a file looks like one that its service writes.
func isWritten(path string) bool {
	if slices.Contains(writtenSuffixes, strings.ToLower(filepath.Ext(path))) {
		return true
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	magic := []byte("SQLite format 3\x00")
	start := make([]byte, len(magic))
	_, err = io.ReadFull(file, start)
	return err == nil && bytes.Equal(start, magic)
}

// reason is an error of the file system without the path, which is said
// anyway.
func reason(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}
