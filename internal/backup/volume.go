package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"gapless/internal/backup/archive"
	"gapless/internal/update"
)

// Volume is the kind of plain files: a volume of one or several services.
type Volume struct {
	Name  string // in the compose file
	Place Place
	// Databases says, by service, why its files cannot be copied while it runs, and
	// what to do instead.
	Databases map[string]string
}

// Kind implements Kind.
func (*Volume) Kind() string { return KindVolume }

// Words implements Kind.
func (*Volume) Words(manifest Manifest) string {
	entries, bytes := int64(0), int64(0)
	for _, d := range manifest.Databases {
		if d.Listing != nil {
			entries, bytes = entries+d.Listing.Entries, bytes+d.Listing.Bytes
		}
	}
	return counts(entries, "name") + " with " + update.BytesText(bytes)
}

// RunningDatabaseError says that files belong to a database that writes them.
type RunningDatabaseError struct{ Volume, Service, Why string }

func (e *RunningDatabaseError) Error() string {
	return fmt.Sprintf("volume %s holds the data of %s, which runs: its files change together, and a copy of them would be torn", e.Volume, e.Service)
}

// Hint tells what to do about it.
func (e *RunningDatabaseError) Hint() string { return e.Why }

// noVolumeError says that there is nothing to lose yet.
type noVolumeError struct{ name string }

func (e *noVolumeError) Error() string { return "there is no volume " + e.name + " yet" }

// Unwrap tells that there is nothing to back up.
func (e *noVolumeError) Unwrap() error { return ErrNothing }

// unmountedError says that nobody knows which volume of Docker a name stands for.
type unmountedError struct{ name string }

func (e *unmountedError) Error() string {
	return "volume " + e.name + " is mounted by no service of the compose file as it is loaded now, so it cannot be told which volume of Docker it is"
}

// Hint tells what to do about it.
func (e *unmountedError) Hint() string {
	return "mount it in a service, or name the profile of the one that does, and restore then"
}

// still refuses the files of a database that runs.
func (v *Volume) still(ctx context.Context, m *Maker) error {
	users, err := m.Keeper.Users(ctx, v.Place)
	if err != nil {
		return err
	}
	for _, user := range users {
		if why, is := v.Databases[user.Service]; is && user.Running {
			return &RunningDatabaseError{v.Name, user.Service, why}
		}
	}
	return nil
}

func (v *Volume) dump(ctx context.Context, m *Maker, directory string, manifest *Manifest, say func(string)) error {
	manifest.Volume = v.Name
	there, err := m.Keeper.Exists(ctx, v.Place)
	if err != nil {
		return err
	}
	if !there {
		return &noVolumeError{v.Name}
	}
	if err := v.still(ctx, m); err != nil {
		return err
	}
	name := "1.dump"
	if m.seal != nil {
		name += ".age"
	}
	d := Database{Name: v.Name, File: name, Sealed: m.seal != nil}
	file, err := createDump(filepath.Join(directory, name), m.seal)
	if err != nil {
		return err
	}
	listed, err := v.write(ctx, m, file, say)
	stored, plain, closeErr := file.finish()
	if err == nil {
		err = closeErr
	}
	if err == nil {
		err = v.still(ctx, m) // it may have been started meanwhile
	}
	if err != nil {
		return err
	}
	d.Stored, d.Plain, d.Size, d.Listing = stored, plain, listed.Bytes, &listed
	manifest.Databases = []Database{d}
	return nil
}

// write runs the helper that archives, and reads the archive while it is kept.
func (v *Volume) write(ctx context.Context, m *Maker, file *dumpWriter, say func(string)) (listing, error) {
	command, err := m.helper(ctx, stepDump, v.Place, true, "write")
	if err != nil {
		return listing{}, err
	}
	copied, to := io.Pipe()
	all, read := newLister(), make(chan error, 1)
	go func() {
		err := archive.Lines(copied, func(e archive.Entry) error { all.add(e); return nil })
		copied.CloseWithError(err)
		read <- err
	}()
	said := &strings.Builder{}
	command.Stdout, command.Stderr = io.MultiWriter(file, to), said
	last, _ := m.newest()
	err = telling(ctx, say, v.Name, last.dumpBytes(), file.count.Load, func() error { return m.Engine.Run(ctx, command) })
	if err != nil {
		to.CloseWithError(err)
		<-read
		return listing{}, err
	}
	_ = to.Close()
	for line := range strings.Lines(said.String()) {
		if what, is := strings.CutPrefix(strings.TrimSpace(line), "left out: "); is {
			m.tell("not in the backup: " + what)
		}
	}
	err = <-read // before it is summed up
	return all.done(), err
}

func (*Volume) proofImage(context.Context, *Maker, Manifest) (string, error) { return "", nil }

// prove extracts the archive into a volume that goes with its container, and holds
// what is there then against the archive, line by line.
func (v *Volume) prove(ctx context.Context, m *Maker, directory, _ string, manifest *Manifest, identities []age.Identity, say func(string)) error {
	d := manifest.Databases[0]
	if err := v.readTest(ctx, directory, d, identities, say); err != nil {
		return err
	}
	if err := m.room(ctx, d.Size); err != nil {
		return err
	}
	command, err := m.helper(ctx, stepCopy, Place{}, false, "prove")
	if err != nil {
		return err
	}
	command.Light = true
	return m.through(ctx, command, "restore "+v.Name, d.Plain.Bytes, dumpTo(ctx, directory, d, identities), v.compare(ctx, directory, d, identities), say)
}

// dumpTo writes a stored dump somewhere.
func dumpTo(ctx context.Context, directory string, d Database, identities []age.Identity) func(io.Writer) error {
	return func(to io.Writer) error {
		reader, err := openDump(ctx, filepath.Join(directory, d.File), d, identities)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, reader)
		return firstCause(reader.close(), err)
	}
}

// readTest reads the whole archive: it is what was written, nothing in it leads out
// of a volume, and it holds what the manifest says.
func (v *Volume) readTest(ctx context.Context, directory string, d Database, identities []age.Identity, say func(string)) error {
	if d.Listing == nil {
		return &DamageError{filepath.Join(directory, manifestName), "does not say what is in the archive"}
	}
	reader, err := openDump(ctx, filepath.Join(directory, d.File), d, identities)
	if err != nil {
		return err
	}
	all := newLister()
	err = telling(ctx, say, "read "+d.Name, d.Plain.Bytes, reader.count.Load, func() error {
		return archive.Lines(reader, func(e archive.Entry) error { all.add(e); return nil })
	})
	if err := firstCause(reader.close(), err); err != nil {
		var bad *archive.BadError
		if errors.As(err, &bad) {
			return &DamageError{reader.file.Name(), "cannot be restored: " + bad.Error()}
		}
		return err
	}
	if got := all.done(); got != *d.Listing {
		return &DifferenceError{Database: d.Name, Differences: []string{fmt.Sprintf("the archive holds %s and %d bytes, and the manifest says %d and %d", counts(got.Entries, "name"), got.Bytes, d.Listing.Entries, d.Listing.Bytes)}}
	}
	return nil
}

func (v *Volume) check(ctx context.Context, m *Maker, r *Restoration, say func(string)) error {
	if v.Place.Volume == "" {
		return &unmountedError{v.Name}
	}
	d := r.Databases[0]
	there, err := m.Keeper.Exists(ctx, v.Place)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("there is no volume %s yet: docker compose up --no-start makes it", v.Name)
	}
	users, err := m.usersOf(ctx, v.Place)
	if err != nil {
		return err
	}
	if err := v.readTest(ctx, r.Directory, d, r.identities, say); err != nil {
		return m.note(r.Stored, err)
	}
	if err := m.room(ctx, d.Size); err != nil {
		return err
	}
	today, err := m.held(ctx, v.Place)
	if err != nil {
		return err
	}
	r.files = &filesMark{ID: m.ID(), Name: v.Name, Place: v.Place}
	r.Replaced = []Replaced{m.aside("volume", r.files, users, today.Entries > 0, counts(today.Entries, "name")+" with "+update.BytesText(today.Bytes))}
	return nil
}

func (v *Volume) restore(ctx context.Context, m *Maker, r *Restoration, say func(string)) error {
	d := r.Databases[0]
	return m.restoreFiles(ctx, r.files, d.Plain.Bytes, dumpTo(ctx, r.Directory, d, r.identities), v.compare(ctx, r.Directory, d, r.identities), say)
}

func (*Volume) sweep(ctx context.Context, m *Maker) error { return m.sweepFiles(ctx) }
