package backup

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	manifestName  = "manifest.json"
	partialSuffix = ".partial"
	manifestBytes = 64 << 20
)

// Store is the directory that holds the backups of one project: a directory
// each, which is called .partial until it is proven.
type Store struct{ directory string }

// NewStore takes a directory that is there, for its owner alone.
func NewStore(directory string) *Store { return &Store{directory} }

// Directory is where the backups are.
func (s *Store) Directory() string { return s.directory }

func (s *Store) partial(id string) string  { return filepath.Join(s.directory, id+partialSuffix) }
func (s *Store) finished(id string) string { return filepath.Join(s.directory, id) }

var (
	idName   = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$`)
	dumpName = regexp.MustCompile(`^[0-9]{1,4}\.dump(\.age)?$`)
)

func isDumpName(name string) bool { return dumpName.MatchString(name) }

// begin makes the directory of a backup that is not finished. What an earlier
// attempt of the same run has left goes away.
func (s *Store) begin(id string) (string, error) {
	if !idName.MatchString(id) {
		return "", fmt.Errorf("%q cannot name a backup", id)
	}
	path := s.partial(id)
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", err
	}
	return path, syncPath(s.directory)
}

// save writes the manifest into a directory, whole or not at all.
func save(directory string, m Manifest) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(directory, manifestName), append(content, '\n'))
}

// writeSynced writes a file beside its place and moves it there.
func writeSynced(path string, content []byte) error {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// finish gives a proven backup its name: from then on it is one.
func (s *Store) finish(id string) error {
	if err := os.Rename(s.partial(id), s.finished(id)); err != nil {
		return err
	}
	return syncPath(s.directory)
}

// discard removes what is not finished.
func (s *Store) discard(id string) error {
	if err := os.RemoveAll(s.partial(id)); err != nil {
		return err
	}
	return syncPath(s.directory)
}

// Sweep removes what processes that died have left. Nobody may be at work on
// backups of the project.
func (s *Store) Sweep() error {
	entries, err := os.ReadDir(s.directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if id, partial := strings.CutSuffix(entry.Name(), partialSuffix); partial {
			if err := s.discard(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Stored is a backup with the directory that it lies in.
type Stored struct {
	Manifest
	Directory string
	Problem   error // why its manifest cannot be read; nil: it can
}

// lookAtFiles notes a dump that is gone or cut off: no other backup may be
// removed because of this one.
func (s *Stored) lookAtFiles() {
	for _, d := range s.Databases {
		if err := checkSize(filepath.Join(s.Directory, d.File), d); err != nil && s.Damaged == "" {
			s.Damaged = err.Error()
		}
	}
}

// Exists tells whether anything was ever put there.
func (s *Store) Exists() bool {
	_, err := os.Stat(s.directory)
	return !errors.Is(err, fs.ErrNotExist)
}

// List reads all manifests, oldest first.
func (s *Store) List() ([]Stored, error) {
	entries, err := os.ReadDir(s.directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []Stored
	for _, entry := range entries {
		if !entry.IsDir() || !idName.MatchString(entry.Name()) {
			continue
		}
		one := Stored{Directory: s.finished(entry.Name())}
		one.Manifest, one.Problem = Read(one.Directory)
		one.ID = entry.Name()
		one.lookAtFiles()
		found = append(found, one)
	}
	slices.SortFunc(found, func(a, b Stored) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

// Newest is the last one that is proven; false if there is none.
func (s *Store) Newest() (Stored, bool) {
	return s.NewestOf(func(Manifest) bool { return true })
}

// NewestOf is the last proven one that is of something; false if there is none.
func (s *Store) NewestOf(of func(Manifest) bool) (Stored, bool) {
	all, err := s.List()
	if err != nil {
		return Stored{}, false
	}
	for _, one := range slices.Backward(all) {
		if one.Problem == nil && one.Proven() && of(one.Manifest) {
			return one, true
		}
	}
	return Stored{}, false
}

// remove deletes a backup: its name first, so that no half of one is left.
func (s *Store) remove(id string) error {
	if err := os.Rename(s.finished(id), s.partial(id)); err != nil {
		return err
	}
	return s.discard(id)
}

// syncPath makes the names in a directory durable.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
