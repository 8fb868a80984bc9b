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
		found = append(found, one)
	}
	slices.SortFunc(found, func(a, b Stored) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

// Newest is the last one that is proven; false if there is none.
func (s *Store) Newest() (Stored, bool) {
	all, err := s.List()
	if err != nil {
		return Stored{}, false
	}
	for _, one := range slices.Backward(all) {
		if one.Problem == nil && one.Proven() {
			return one, true
		}
	}
	return Stored{}, false
}

// Read reads the manifest of a backup, given its directory or a file in it.
func Read(path string) (Manifest, error) {
	if about, err := os.Stat(path); err == nil && !about.IsDir() {
		path = filepath.Dir(path)
	}
	name := filepath.Join(path, manifestName)
	about, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%s has no %s: it is no backup of gapless, or not all of one", path, manifestName)
	}
	if err != nil {
		return Manifest{}, err
	}
	if !about.Mode().IsRegular() || about.Size() > manifestBytes {
		return Manifest{}, fmt.Errorf("%s is no manifest of a backup", name)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return Manifest{}, err
	}
	m, err := readManifest(content)
	if err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Find looks a backup up by "latest", by its ID or a part of it that no other
// has, or by the path of its directory or of a file in it.
func (s *Store) Find(name string) (Stored, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasPrefix(name, ".") {
		path, err := filepath.Abs(name)
		if err != nil {
			return Stored{}, err
		}
		m, err := Read(path)
		if about, statErr := os.Stat(path); statErr == nil && !about.IsDir() {
			path = filepath.Dir(path)
		}
		return Stored{Manifest: m, Directory: path}, err
	}
	if name == "latest" {
		if one, ok := s.Newest(); ok {
			return one, nil
		}
		return Stored{}, errors.New("there is no proven backup")
	}
	all, err := s.List()
	if err != nil {
		return Stored{}, err
	}
	var matching []Stored
	for _, one := range all {
		if one.ID == name {
			return one, one.Problem
		}
		if strings.Contains(one.ID, name) {
			matching = append(matching, one)
		}
	}
	switch len(matching) {
	case 0:
		return Stored{}, fmt.Errorf("there is no backup %.80q", name)
	case 1:
		return matching[0], matching[0].Problem
	}
	return Stored{}, fmt.Errorf("%q is part of the names of %d backups", name, len(matching))
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
