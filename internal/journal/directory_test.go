package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnsureDirectory(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string // of the refusal; empty: taken
	}{
		"missing":           {func(string) error { return nil }, ""},
		"private":           {func(path string) error { return os.Mkdir(path, 0o700) }, ""},
		"readable":          {func(path string) error { return os.Mkdir(path, 0o755) }, ""},
		"writable by group": {func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o770)) }, "chmod 0700"},
		"writable by all":   {func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) }, "chmod 0700"},
		"file":              {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "is a file"},
		"symbolic link":     {func(path string) error { return os.Symlink(os.TempDir(), path) }, "is a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			err := EnsureDirectory(path)
			if c.want == "" {
				if stat, statErr := os.Stat(path); err != nil || statErr != nil || stat.Mode().Perm()&0o022 != 0 {
					t.Errorf("%v, %v", err, statErr)
				}
				return
			}
			var refused *StateError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
