package backup

import (
	"context"
	"fmt"
	"path/filepath"

	"filippo.io/age"
)

// Prove reads the dumps of the unfinished backup of this run to their end,
// restores them into a throwaway server, and compares. Then it is a backup.
func (m *Maker) Prove(ctx context.Context, say func(string)) error {
	directory := m.Store.partial(m.ID())
	manifest, err := Read(directory)
	if err != nil {
		return err
	}
	if err := m.prove(ctx, directory, manifest.ImageID, &manifest, m.own(nil), say); err != nil {
		return err
	}
	if err := save(directory, manifest); err != nil {
		return err
	}
	if err := m.Store.finish(m.ID()); err != nil {
		return err
	}
	// There is a newer one that is proven: now old ones may go.
	if _, err := m.Prune(false); err != nil && m.Notice != nil {
		m.Notice("old backups were not removed: " + err.Error())
	}
	return nil
}

// BelongsError says that a backup is of something else.
type BelongsError struct{ Of, Here string }

func (e *BelongsError) Error() string {
	return fmt.Sprintf("this is a backup of %s, and here is %s", e.Of, e.Here)
}

// Hint tells what to do about it.
func (e *BelongsError) Hint() string {
	return "gapless backup list shows those of this project; -p names another one"
}

// belongs refuses backups of other projects and services.
func (m *Maker) belongs(manifest Manifest) error {
	if manifest.Project != m.Project {
		return &BelongsError{"project " + manifest.Project, "project " + m.Project}
	}
	if manifest.kindName() != m.kind().Kind() {
		return &BelongsError{"a " + manifest.kindName(), "a " + m.kind().Kind()}
	}
	if volume, is := m.Kind.(*Volume); is {
		if manifest.Volume != volume.Name {
			return &BelongsError{"volume " + manifest.Volume, "volume " + volume.Name}
		}
		return nil
	}
	if manifest.Service != m.Service {
		return &BelongsError{"service " + manifest.Service, "service " + m.Service}
	}
	return nil
}

func (m Manifest) sealed() bool {
	for _, d := range m.Databases {
		if d.Sealed {
			return true
		}
	}
	return false
}

// prove is the whole proof. The manifest gets its result.
func (m *Maker) prove(ctx context.Context, directory, imageID string, manifest *Manifest, identities []age.Identity, say func(string)) error {
	began := m.Now()
	if err := m.kind().prove(ctx, m, directory, imageID, manifest, identities, say); err != nil {
		return err
	}
	manifest.Verified = m.Now().UTC()
	manifest.ProofTook = manifest.Verified.Sub(began)
	return nil
}

// readTest lets pg_restore read a whole dump. Its list alone would also be there
// in a dump that was cut off.
func (m *Maker) readTest(ctx context.Context, directory, imageID string, d Database, identities []age.Identity, say func(string)) error {
	reader, err := openDump(ctx, filepath.Join(directory, d.File), d, identities)
	if err != nil {
		return err
	}
	command := Command{Name: m.prefix() + stepRead, Run: m.Run, ImageID: imageID, User: "0:0", Light: true, Stdin: reader,
		Argv: []string{"pg_restore", "--exit-on-error", "--file=/dev/null"}, Env: []string{"LC_MESSAGES=C", "HOME=/tmp"}}
	err = telling(ctx, say, "read "+d.Name, d.Plain.Bytes, reader.count.Load, func() error { return m.Engine.Run(ctx, command) })
	return firstCause(reader.close(), err)
}

// firstCause prefers what is wrong with a file to what its reader made of it.
func firstCause(damage, err error) error {
	if damage != nil {
		return damage
	}
	return err
}

// proveCopies restores each database into the throwaway server and compares.
func (m *Maker) proveCopies(ctx context.Context, c client, directory string, manifest Manifest, identities []age.Identity, say func(string)) error {
	s := openSession(ctx, m.Engine, c, stepAsk, administrative)
	err := makeRoles(s, manifest)
	for _, d := range manifest.Databases {
		if err == nil && d.Name != "postgres" {
			_, err = s.ask(createDatabase(d.Name, d, ""))
		}
		if err == nil {
			err = m.copyInto(ctx, c, directory, d, d.Name, identities, say, "--no-tablespaces")
		}
		if err == nil {
			err = m.compareIn(s, d, d.Name, say)
		}
	}
	if err != nil {
		_ = s.close()
		return err
	}
	return s.close()
}

// copyInto restores a dump into a database that is empty.
func (m *Maker) copyInto(ctx context.Context, c client, directory string, d Database, into string, identities []age.Identity, say func(string), options ...string) error {
	reader, err := openDump(ctx, filepath.Join(directory, d.File), d, identities)
	if err != nil {
		return err
	}
	argv := append([]string{"pg_restore", "--exit-on-error", "--no-password", "--dbname=" + conninfo(into)}, options...)
	command := c.command(stepCopy, into, argv...)
	command.Stdin = reader
	err = telling(ctx, say, "restore "+d.Name, d.Plain.Bytes, reader.count.Load, func() error { return m.Engine.Run(ctx, command) })
	return firstCause(reader.close(), err)
}

// compareIn holds a restored database against the manifest.
func (m *Maker) compareIn(s *session, d Database, in string, say func(string)) error {
	say("compare " + d.Name)
	if err := s.switchTo(in); err != nil {
		return err
	}
	query := ""
	if d.Query != nil {
		query = d.Query.SQL
	}
	got, err := s.contents(query)
	if err != nil {
		return err
	}
	sequences, err := s.sequences()
	if err != nil {
		return err
	}
	if err := compare(d.Name, d.Contents, got, sequences); err != nil {
		return err
	}
	return s.switchTo(administrative)
}

// makeRoles makes the roles that objects belong to. None of them can log in.
func makeRoles(s *session, manifest Manifest) error {
	for _, role := range manifest.Roles {
		if role == manifest.User {
			continue
		}
		if _, err := s.ask("CREATE ROLE " + quoteName(role)); err != nil {
			return err
		}
	}
	return nil
}
