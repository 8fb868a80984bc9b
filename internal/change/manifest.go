package change

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// Source is what a build context consisted of, kept so that a later look can
// say what changed in it.
type Source struct {
	// Hash digests everything that the build depends on and that is on this host.
	Hash       string          `json:"hash"`
	Settings   string          `json:"settings"` // digest of the build section
	Dockerfile string          `json:"dockerfile,omitempty"`
	Parts      map[Part]string `json:"parts,omitempty"`
	// Migrations are the names of the migrations in it, as "app/0003_name".
	Migrations []string `json:"migrations,omitempty"`
	// Files holds a digest for each path. A context with more than maxListed
	// files has none: then only the parts can be compared.
	Files map[string]string `json:"files,omitempty"`
}

// isListed tells whether more than a digest of the whole is known.
func (s *Source) isListed() bool { return s != nil && s.Settings != "" }

// Part is a kind of files of a build context.
type Part string

// The parts. A file belongs to one of them.
const (
	PartCode         Part = "code"
	PartDependencies Part = "dependencies"
	PartStatic       Part = "static"
	PartMigrations   Part = "migrations"
	PartDocker       Part = "docker"
)

// maxListed bounds the list of files in a record: it is read by every plan.
const maxListed = 5000

// manifest collects a Source while a build context is read.
type manifest struct {
	dockerfile []byte            // digest
	files      map[string]string // digest by path
	migrations []string
}

// add notes a file or a link.
func (m *manifest) add(path string, digest []byte) {
	if m.files == nil {
		m.files = map[string]string{}
	}
	m.files[path] = brief(digest)
	if name := migrationName(path); name != "" && !slices.Contains(m.migrations, name) {
		m.migrations = append(m.migrations, name)
	}
}

// source sums up what was collected.
func (m *manifest) source(hash string, section []byte) Source {
	settings := sha256.Sum256(section)
	s := Source{Hash: hash, Settings: brief(settings[:]), Dockerfile: brief(m.dockerfile), Migrations: m.migrations, Files: m.files}
	slices.Sort(s.Migrations)
	s.Parts = partDigests(m.files)
	if len(m.files) > maxListed {
		s.Files = nil
	}
	return s
}

func partDigests(files map[string]string) map[Part]string {
	sums := map[Part]string{}
	for part, paths := range pathsByPart(files) {
		sum := sha256.New()
		for _, path := range paths {
			fmt.Fprintf(sum, "%q %s\n", path, files[path])
		}
		sums[part] = brief(sum.Sum(nil))
	}
	return sums
}

// pathsByPart sorts the paths into their parts, each in order.
func pathsByPart(files map[string]string) map[Part][]string {
	parts := map[Part][]string{}
	for path := range files {
		part := partOf(path)
		parts[part] = append(parts[part], path)
	}
	for _, paths := range parts {
		slices.Sort(paths)
	}
	return parts
}

// brief is enough of a digest to tell versions of one file apart.
func brief(digest []byte) string { return hex.EncodeToString(digest[:min(8, len(digest))]) }
