package backup

import (
	"context"
	"errors"

	"filippo.io/age"
)

// Kind is one sort of data, with its own way to be dumped, proven and restored.
// Everything around that is the same for all: the directory, checksums,
// encryption, retention, and that nothing counts before it was restored once.
type Kind interface {
	// Kind is what a manifest calls it.
	Kind() string
	// Words say what is in a backup of the kind.
	Words(manifest Manifest) string

	// dump writes the files of a backup and says in the manifest what is in them.
	dump(ctx context.Context, m *Maker, directory string, manifest *Manifest, say func(string)) error
	// proofImage is the image that the proof runs in.
	proofImage(ctx context.Context, m *Maker, manifest Manifest) (string, error)
	// prove reads the files to their end, restores them where nothing else is, and
	// compares.
	prove(ctx context.Context, m *Maker, directory, imageID string, manifest *Manifest, identities []age.Identity, say func(string)) error
	// check looks at everything that can be looked at before something is written.
	check(ctx context.Context, m *Maker, r *Restoration, say func(string)) error
	// restore fills beside what is there, compares, and exchanges.
	restore(ctx context.Context, m *Maker, r *Restoration, say func(string)) error
	// sweep ends what a restore has left that died: forward once it had begun to
	// exchange, else back.
	sweep(ctx context.Context, m *Maker) error
}

// The names of the kinds.
const (
	KindPostgres = "postgres"
	KindRedis    = "redis"
	KindVolume   = "volume"
)

// KindOf is the kind of a backup that is there. Manifests that name none are of
// the time when there was but one.
func KindOf(manifest Manifest) Kind {
	switch manifest.Kind {
	case KindRedis:
		return &Redis{}
	case KindVolume:
		return &Volume{Name: manifest.Volume}
	}
	return postgres{}
}

// kind is what the maker backs up; a Postgres, if nothing else was said.
func (m *Maker) kind() Kind {
	if m.Kind == nil {
		return postgres{}
	}
	return m.Kind
}

// Restore fills what was backed up beside what is there, compares it with the
// manifest, and exchanges the two. What was there is kept. After any error but
// UnclearError and PendingError everything is as it was.
func (m *Maker) Restore(ctx context.Context, r *Restoration, say func(string)) error {
	return m.kind().restore(ctx, m, r, say)
}

// SweepRestore ends what a restore of the kind has left when it died.
func (m *Maker) SweepRestore(ctx context.Context) error { return m.kind().sweep(ctx, m) }

// postgres is the first kind: all databases of a server.
type postgres struct{}

func (postgres) Kind() string { return KindPostgres }

func (postgres) Words(manifest Manifest) string {
	tables, rows := 0, int64(0)
	for _, d := range manifest.Databases {
		tables += len(d.Tables)
		rows += d.Rows()
	}
	return counts(tables, "table") + " with " + counts(rows, "row")
}

func (postgres) dump(ctx context.Context, m *Maker, directory string, manifest *Manifest, say func(string)) error {
	return m.dumpDatabases(ctx, directory, manifest, say)
}

func (postgres) proofImage(ctx context.Context, m *Maker, manifest Manifest) (string, error) {
	return m.proofImage(ctx, manifest)
}

func (postgres) prove(ctx context.Context, m *Maker, directory, imageID string, manifest *Manifest, identities []age.Identity, say func(string)) error {
	for _, d := range manifest.Databases {
		if err := m.readTest(ctx, directory, imageID, d, identities, say); err != nil {
			return err
		}
	}
	return m.withScratch(ctx, imageID, *manifest, func(ctx context.Context, c client) error {
		return m.proveCopies(ctx, c, directory, *manifest, identities, say)
	})
}

func (postgres) check(ctx context.Context, m *Maker, r *Restoration, say func(string)) error {
	return m.checkDatabases(ctx, r, say)
}

func (postgres) restore(ctx context.Context, m *Maker, r *Restoration, say func(string)) error {
	return m.restoreDatabases(ctx, r, say)
}

func (postgres) sweep(ctx context.Context, m *Maker) error { return m.sweepDatabases(ctx) }

// errUnknownKind refuses to guess how a backup is restored.
var errUnknownKind = errors.New("its manifest names a kind of data that this version of gapless does not know")
