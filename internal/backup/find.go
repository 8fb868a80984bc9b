package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

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

// Find looks a backup up by "latest", by what it is of, by its ID or a part of it that no other
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
		return s.latest()
	}
	if one, ok := s.NewestOf(func(m Manifest) bool { return m.Of() == name }); ok {
		return one, nil
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

// latest is the newest backup where there are only those of one thing: which one is
// meant otherwise, nobody should have to guess at night.
func (s *Store) latest() (Stored, error) {
	one, ok := s.Newest()
	if !ok {
		return Stored{}, errors.New("there is no proven backup")
	}
	other, more := s.NewestOf(func(m Manifest) bool { return m.Of() != one.Of() || m.kindName() != one.kindName() })
	if more {
		return Stored{}, fmt.Errorf("there are backups of %s and of %s: name one of them in the place of latest, for its latest", one.Of(), other.Of())
	}
	return one, nil
}
