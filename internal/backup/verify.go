package backup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"filippo.io/age"
)

// Verify proves a finished backup again, and notes in its manifest what came
// out. Of a sealed one without an identity only the checksums are tested, which
// is ErrNoIdentity.
func (m *Maker) Verify(ctx context.Context, stored Stored, identities []age.Identity, say func(string)) error {
	if err := m.belongs(stored.Manifest); err != nil {
		return err
	}
	manifest := stored.Manifest
	if manifest.sealed() && len(identities) == 0 {
		if err := checkFiles(ctx, stored.Directory, manifest); err != nil {
			return m.note(stored, err)
		}
		return ErrNoIdentity
	}
	imageID, err := m.kind().proofImage(ctx, m, manifest)
	if err != nil {
		return err
	}
	if err := m.prove(ctx, stored.Directory, imageID, &manifest, identities, say); err != nil {
		return m.note(stored, err)
	}
	manifest.Damaged = ""
	return save(stored.Directory, manifest)
}

// proofImage is the image that a backup was made with, or that of the server of
// today if it has the same major version: updates of it come and old ones go.
func (m *Maker) proofImage(ctx context.Context, manifest Manifest) (string, error) {
	if has, err := m.Engine.HasImage(ctx, manifest.ImageID); has || err != nil {
		return manifest.ImageID, err
	}
	c, err := m.client(ctx)
	if err != nil {
		return "", fmt.Errorf("the image that the backup was made with is gone: %w", err)
	}
	s := openSession(ctx, m.Engine, c, stepAsk, administrative)
	said, err := askJSON[about](s, aboutSQL)
	if err = errors.Join(err, s.close()); err != nil {
		return "", err
	}
	if said[0].Major != manifest.Major {
		return "", fmt.Errorf("the image that the backup was made with is gone: %w", &MajorError{Of: manifest.Major, Here: said[0].Major})
	}
	return c.server.ImageID, nil
}

// note marks a backup that is known to be bad. What failed for another reason
// says nothing about it.
func (m *Maker) note(stored Stored, err error) error {
	var damage *DamageError
	var difference *DifferenceError
	if !errors.As(err, &damage) && !errors.As(err, &difference) {
		return err
	}
	stored.Damaged = err.Error()
	if saveErr := save(stored.Directory, stored.Manifest); saveErr != nil {
		return errors.Join(err, fmt.Errorf("this cannot be noted in its manifest: %w", saveErr))
	}
	return err
}

// checkFiles tests the checksums of the files as they are stored.
func checkFiles(ctx context.Context, directory string, manifest Manifest) error {
	for _, d := range manifest.Databases {
		d.Sealed, d.Plain = false, d.Stored
		reader, err := openDump(ctx, filepath.Join(directory, d.File), d, nil)
		if err != nil {
			return err
		}
		if err := reader.close(); err != nil {
			return err
		}
	}
	return nil
}
