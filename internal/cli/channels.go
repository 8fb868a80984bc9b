package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gapless/internal/notify"
	"gapless/internal/project"
	"gapless/internal/ui"
	"gapless/internal/update"
)

// maxSecretBytes is more than any address or password has.
const maxSecretBytes = 8 << 10

// listener is somebody who is told how updates end.
type listener struct {
	name    string // shown, and kept with what was told
	on      []string
	target  notify.Target
	channel *notify.Channel
	err     error // it cannot be told anything
}

// wants tells whether a result matters to it.
func (l listener) wants(result update.Result) bool {
	return len(l.on) == 0 || slices.Contains(l.on, string(result))
}

// listeners are those of the compose files as they are now: who is told is a matter
// of today, also in a rollback. Where the files cannot be read, those of the run.
func (s *session) listeners() []listener {
	p := s.project
	if s.present != nil {
		p = s.present
	}
	var all []listener
	for i, settings := range p.Settings.Notify {
		one := listener{name: fmt.Sprintf("%s (notify %d)", settings.Kind, i+1), on: settings.On}
		one.target, one.err = targetOf(p, settings)
		if one.err == nil {
			one.channel, one.err = notify.New(one.target)
		}
		all = append(all, one)
	}
	return all
}

// targetOf reads what the settings only name.
func targetOf(p *project.Project, settings project.NotifySettings) (notify.Target, error) {
	target := notify.Target{Kind: settings.Kind, Server: settings.Server, TLS: settings.TLS, User: settings.User, From: settings.From, To: settings.To}
	var err error
	if target.URL, err = secretOf(p, settings.URLEnv, settings.URLFile); err != nil {
		return target, err
	}
	target.Secret, err = secretOf(p, settings.SecretEnv, settings.SecretFile)
	return target, err
}

// secretOf reads a variable, of the environment or of .env, or a file.
func secretOf(p *project.Project, variable, path string) (notify.Secret, error) {
	switch {
	case variable != "":
		value, set := p.Compose.Environment[variable]
		if !set {
			value = os.Getenv(variable)
		}
		if value = strings.TrimSpace(value); value == "" {
			return "", fmt.Errorf("variable %s is not set", variable)
		}
		return notify.Secret(value), nil
	case path != "":
		if !filepath.IsAbs(path) {
			path = filepath.Join(p.Directory, path)
		}
		return readSecret(path)
	}
	return "", nil
}

// readSecret reads a small file that nobody else can read.
func readSecret(path string) (notify.Secret, error) {
	stat, err := os.Stat(path) // before it is opened: a pipe would keep us waiting
	if err == nil && !stat.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", path)
	}
	if err == nil && stat.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o): chmod 0600 it", path, stat.Mode().Perm())
	}
	var content []byte
	if err == nil {
		content, err = readStart(path)
	}
	var place *fs.PathError
	if errors.As(err, &place) {
		err = place.Err
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	value := strings.TrimSpace(string(content))
	if value == "" || len(content) > maxSecretBytes {
		return "", fmt.Errorf("%s has %d bytes, and not one line with the secret", path, len(content))
	}
	return notify.Secret(value), nil
}

// readStart reads a byte more than may be there.
func readStart(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
}

// redactor knows the secrets of the project, as it is and as it was for the run,
// and those of its channels.
func (s *session) redactor(listeners ...listener) *ui.Redactor {
	r := ui.NewRedactor(s.project.Secrets()...)
	if s.present != nil && s.present != s.project {
		for _, secret := range s.present.Secrets() {
			r.Add(secret)
		}
	}
	for _, one := range listeners {
		for _, secret := range one.target.Secrets() {
			r.Add(secret)
		}
	}
	return r
}
