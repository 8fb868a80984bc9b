package edge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gapless/internal/edge/wire"
)

// savedVersion is the format of the snapshot file.
const savedVersion = 1

// saved is the content of the snapshot file.
type saved struct {
	Generation uint64                        `json:"generation"`
	BootID     string                        `json:"boot_id"`
	Projects   map[string]wire.ProjectConfig `json:"projects"`
	Unverified []string                      `json:"unverified,omitempty"`
	Holds      []savedHold                   `json:"holds,omitempty"`
}

// savedHold is a hold with the page that it may answer with.
type savedHold struct {
	wire.Hold
	Page *wire.Page `json:"page,omitempty"`
}

// envelope carries a checksum, so that a damaged file is told from a valid one.
type envelope struct {
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"`
	State   json.RawMessage `json:"state"`
}

func (s *store) saved(generation uint64, projects map[string]wire.ProjectConfig) saved {
	out := saved{Generation: generation, Projects: projects}
	for project := range s.unverified {
		out.Unverified = append(out.Unverified, project)
	}
	for _, h := range s.holds {
		out.Holds = append(out.Holds, savedHold{h.wire(), h.page})
	}
	return out
}

// files keeps the snapshot on disk: the present one and the one before it.
type files struct {
	directory string
	bootID    string
}

func (f *files) path() string     { return filepath.Join(f.directory, wire.SnapshotName) }
func (f *files) previous() string { return f.path() + ".previous" }

// write replaces the snapshot so that at any instant one complete file exists.
func (f *files) write(state saved) error {
	state.BootID = f.bootID
	content, err := json.Marshal(state)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	whole, err := json.Marshal(envelope{Version: savedVersion, SHA256: hex.EncodeToString(sum[:]), State: content})
	if err != nil {
		return err
	}
	temporary := f.path() + ".new"
	if err := writeSynced(temporary, whole); err != nil {
		return err
	}
	if _, err := f.read(f.path()); err == nil {
		// Only a good copy may become the one to fall back to.
		os.Remove(f.previous())
		if err := os.Link(f.path(), f.previous()); err != nil {
			return err
		}
	}
	if err := os.Rename(temporary, f.path()); err != nil {
		return err
	}
	return syncDirectory(f.directory)
}

func writeSynced(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

func (f *files) read(path string) (saved, error) {
	var state saved
	content, err := os.ReadFile(path)
	if err != nil {
		return state, err
	}
	var e envelope
	if err := json.Unmarshal(content, &e); err != nil {
		return state, err
	}
	if e.Version != savedVersion {
		return state, fmt.Errorf("format %d is not known", e.Version)
	}
	if sum := sha256.Sum256(e.State); hex.EncodeToString(sum[:]) != e.SHA256 {
		return state, errors.New("checksum does not match")
	}
	return state, json.Unmarshal(e.State, &state)
}

// load returns the last good snapshot, and what was wrong with a newer one.
func (f *files) load() (state saved, faults []string) {
	for _, path := range []string{f.path(), f.previous()} {
		loaded, err := f.read(path)
		if err == nil {
			return loaded, faults
		}
		if !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, fmt.Sprintf("%s: %v", filepath.Base(path), err))
		}
	}
	return saved{}, faults
}

// bootID names the present boot of the host.
func bootID() string {
	content, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(content))
}

// restore puts a loaded snapshot in force. One bad route or listener disables itself
// only. After a reboot addresses may belong to other containers, so requests wait
// until each project was put again.
func (e *Edge) restore(state saved, faults []string) {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disabled = faults
	s.generation = state.Generation
	for _, project := range state.Unverified {
		s.unverified[project] = true
	}
	for name, config := range state.Projects {
		s.projects[name] = s.usable(config)
		if state.BootID != e.files.bootID || e.awaitAddresses {
			s.unverified[name] = true
			e.log.Warn("targets are unverified until somebody says where they are", "project", name)
		}
		if err := e.listeners.ensure(s.projects[name].Listeners, true, 0); err != nil {
			s.disabled = append(s.disabled, err.Error())
		}
	}
	for _, h := range state.Holds {
		s.arm(e, holdKey(h.Project, h.Lease), h.restored())
	}
	for _, fault := range s.disabled {
		e.log.Error("disabled at load", "reason", fault)
	}
	e.publish()
	e.listeners.keepOnly(wantedListeners(s.projects))
}

// usable leaves out what does not pass the checks of a put.
func (s *store) usable(config wire.ProjectConfig) wire.ProjectConfig {
	kept := wire.ProjectConfig{Project: config.Project, Maintenance: config.Maintenance}
	if config.Maintenance != nil {
		if err := validateMaintenance(*config.Maintenance); err != nil {
			// Nobody asked for the application to be open again.
			s.disabled = append(s.disabled, err.Error())
			kept.Maintenance = &wire.Maintenance{Since: config.Maintenance.Since}
		}
	}
	for _, l := range config.Listeners {
		one := kept
		one.Listeners = append(kept.Listeners[:len(kept.Listeners):len(kept.Listeners)], l)
		if err := validate(one); err != nil {
			s.disabled = append(s.disabled, err.Error())
			continue
		}
		kept.Listeners = one.Listeners
	}
	for _, w := range config.Services {
		one := kept
		one.Services = append(kept.Services[:len(kept.Services):len(kept.Services)], w)
		if err := validate(one); err != nil {
			s.disabled = append(s.disabled, err.Error())
			continue
		}
		if err := s.conflictsWith(one); err != nil {
			s.disabled = append(s.disabled, err.Error())
			continue
		}
		kept = one
	}
	return kept
}

func (s *store) conflictsWith(config wire.ProjectConfig) error {
	projects := map[string]wire.ProjectConfig{config.Project: config}
	for name, other := range s.projects {
		if name != config.Project {
			projects[name] = other
		}
	}
	return conflicts(projects)
}
