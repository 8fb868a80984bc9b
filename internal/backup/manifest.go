package backup

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ManifestFormat is the version of the manifest that this program writes and
// reads.
const ManifestFormat = 1

// Manifest says what a backup is, and what it was proven to be.
type Manifest struct {
	Format  int       `json:"format"`
	Kind    string    `json:"kind,omitempty"`   // empty: postgres
	Volume  string    `json:"volume,omitempty"` // as the compose file calls it
	ID      string    `json:"id"`
	Project string    `json:"project"`
	Service string    `json:"service"`
	Release int       `json:"release,omitempty"` // that ran; its successor was to migrate
	Tool    string    `json:"tool"`              // that made it
	Server  string    `json:"server"`            // version, in its own words
	Major   int       `json:"major"`
	User    string    `json:"user"`    // administrator of the server
	Dumper  string    `json:"dumper"`  // version of pg_dump, in its own words
	ImageID string    `json:"imageId"` // that both came from
	Started time.Time `json:"started"`
	// DumpTook and ProofTook predict those of the next backup.
	DumpTook  time.Duration `json:"dumpTookNs"`
	ProofTook time.Duration `json:"proofTookNs,omitempty"`
	Verified  time.Time     `json:"verified,omitzero"` // restored and compared, for the last time
	Damaged   string        `json:"damaged,omitempty"` // what a later verification found
	Roles     []string      `json:"roles,omitempty"`   // that its objects may belong to
	Preload   string        `json:"preload,omitempty"` // shared_preload_libraries of the server
	// Recipients are the public keys that the dumps are encrypted to.
	Recipients []string   `json:"recipients,omitempty"`
	Databases  []Database `json:"databases"`
}

// Database is one dump.
type Database struct {
	Name       string         `json:"name"`
	File       string         `json:"file"`
	Sealed     bool           `json:"sealed,omitempty"`
	Stored     sum            `json:"stored"` // the file
	Plain      sum            `json:"plain"`  // the dump in it
	Size       int64          `json:"size"`   // of the database on its server, in bytes
	LSN        string         `json:"lsn"`    // of the snapshot
	Properties map[string]any `json:"properties"`
	// Counters tell later what was written since; nil: nobody knows.
	Counters *Counters `json:"counters,omitempty"`
	Contents
	Listing *listing `json:"listing,omitempty"` // of the files of a volume
}

// kindName is the kind, also of manifests from when there was but one.
func (m Manifest) kindName() string { return cmp.Or(m.Kind, KindPostgres) }

// Of names what the backup is of.
func (m Manifest) Of() string {
	if m.Kind == KindVolume {
		return m.Volume
	}
	return m.Service
}

// Proven tells whether the backup counts.
func (m Manifest) Proven() bool { return !m.Verified.IsZero() && m.Damaged == "" }

// Bytes is what the dumps take on the disk.
func (m Manifest) Bytes() (bytes int64) {
	for _, d := range m.Databases {
		bytes += d.Stored.Bytes
	}
	return bytes
}

// Size is what the databases took on their server.
func (m Manifest) Size() (bytes int64) {
	for _, d := range m.Databases {
		bytes += d.Size
	}
	return bytes
}

// dumpBytes is what pg_dump wrote.
func (m Manifest) dumpBytes() (bytes int64) {
	for _, d := range m.Databases {
		bytes += d.Plain.Bytes
	}
	return bytes
}

// readManifest refuses what it does not know.
func readManifest(content []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("it is no manifest of a backup: %w", err)
	}
	switch {
	case m.Format != ManifestFormat:
		return m, fmt.Errorf("its manifest has format %d, and this version of gapless reads %d", m.Format, ManifestFormat)
	case !slices.Contains([]string{"", KindPostgres, KindRedis, KindVolume}, m.Kind):
		return m, errUnknownKind
	case m.ID == "" || m.Project == "" || len(m.Databases) == 0:
		return m, errors.New("its manifest does not say what it is of")
	}
	for _, d := range m.Databases {
		if !isDumpName(d.File) {
			return m, fmt.Errorf("its manifest names a file %q outside of it", d.File)
		}
	}
	return m, nil
}

// NewID names a backup after the run that makes it, which begins with the
// milliseconds of its start in hexadecimal.
func NewID(run string) string {
	var millis int64
	if len(run) < 15 {
		return run
	}
	if _, err := fmt.Sscanf(run[:11], "%x", &millis); err != nil {
		return run
	}
	return time.UnixMilli(millis).UTC().Format("20060102-150405") + "-" + run[len(run)-4:]
}
