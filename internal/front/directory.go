package front

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// directory holds the upstream files, of which nginx reads those that end in
// .conf.
type directory string

const (
	fileSuffix      = ".conf"
	temporarySuffix = ".gapless-new" // that no pattern which includes *.conf takes
)

// nameOf is the file of a service.
func nameOf(serviceName string) string { return serviceName + fileSuffix }

// read returns the files that we wrote, by service.
func (d directory) read() (texts map[string]string, upstreams map[string]upstream, err error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	texts, upstreams = map[string]string{}, map[string]upstream{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !strings.HasSuffix(entry.Name(), fileSuffix) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(string(d), entry.Name()))
		if err != nil {
			return nil, nil, err
		}
		if u, ours := parse(string(text)); ours && nameOf(u.Service) == entry.Name() {
			texts[u.Service], upstreams[u.Service] = string(text), u
		}
	}
	return texts, upstreams, nil
}

// replace makes the files be those of a set, where they are those of another:
// each one at once, so that nginx, which may start at any moment, reads a whole
// one.
func (d directory) replace(now, wanted map[string]string) error {
	for service, text := range wanted {
		if now[service] == text {
			continue
		}
		if err := d.write(service, text, now[service] != ""); err != nil {
			return err
		}
	}
	for service := range now {
		if _, stays := wanted[service]; stays {
			continue
		}
		if err := os.Remove(filepath.Join(string(d), nameOf(service))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := d.tidy(); err != nil {
		return err
	}
	return d.sync()
}

// tidy removes what a process left that was killed while it wrote.
func (d directory) tidy() error {
	left, err := filepath.Glob(filepath.Join(string(d), ".*"+temporarySuffix))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// write replaces one file. A file of somebody else is left alone.
func (d directory) write(service, text string, isOurs bool) error {
	path := filepath.Join(string(d), nameOf(service))
	if _, err := os.Lstat(path); err == nil && !isOurs {
		return fmt.Errorf("%s was not written by gapless: move it away, the file of %s has this name", path, service)
	}
	temporary := filepath.Join(string(d), "."+service+temporarySuffix)
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return os.Rename(temporary, path)
}

// sync makes the names durable.
func (d directory) sync() error {
	open, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(open.Sync(), open.Close())
}

// ensure makes the directory.
func (d directory) ensure() error { return os.MkdirAll(string(d), 0o755) }
