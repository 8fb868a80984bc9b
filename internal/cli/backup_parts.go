package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gapless/internal/backup"
	"gapless/internal/journal"
	"gapless/internal/project"
	"gapless/internal/update"
)

// backupDirectory is where the backups of the project lie.
func (s *session) backupDirectory() (string, error) {
	directory := s.project.Settings.Backup.Directory
	if directory == "" {
		state, err := stateDirectory()
		if err != nil {
			return "", err
		}
		directory = filepath.Join(state, "backups")
	}
	if owner := s.mountedInto(directory); owner != "" {
		return "", refuse(fmt.Errorf("x-gapless.backup.directory: %s is mounted into service %s, which could change or serve backups", directory, owner), "choose a directory that no service mounts")
	}
	return filepath.Join(directory, s.project.Name), nil
}

// mountedInto names a service that a directory of the host is mounted into.
func (s *session) mountedInto(directory string) string {
	for _, service := range s.project.Services {
		for _, volume := range service.Volumes {
			if volume.Kind != project.VolumeBind || volume.Source == "" {
				continue
			}
			if relative, err := filepath.Rel(volume.Source, directory); err == nil && relative != ".." && !strings.HasPrefix(relative, "../") {
				return service.Name
			}
		}
	}
	return ""
}

// backupStore opens the directory, which is made if it is to be written to.
func (s *session) backupStore(writing bool) (*backup.Store, error) {
	directory, err := s.backupDirectory()
	if err != nil {
		return nil, err
	}
	if writing {
		if err := s.makeBackupDirectory(directory); err != nil {
			return nil, err
		}
	}
	return backup.NewStore(directory), nil
}

// makeBackupDirectory makes the directory of the project. One that a person has
// named is there already: an empty mount point is not the disk for backups.
func (s *session) makeBackupDirectory(directory string) error {
	if s.project.Settings.Backup.Directory == "" {
		if err := makePrivate(filepath.Dir(directory)); err != nil {
			return err
		}
	} else if problem := s.directoryProblem(); problem != "" {
		return refuse(errors.New(problem), backupDirectoryHint)
	}
	if err := journal.EnsureDirectory(directory); err != nil {
		return refuse(fmt.Errorf("backup directory: %w", err), backupDirectoryHint)
	}
	return nil
}

const backupDirectoryHint = "make it, or mount its disk, for the user that runs gapless; x-gapless.backup.directory names it"

// directoryProblem says why the directory that the settings name cannot be used;
// empty: it can, or they name none.
func (s *session) directoryProblem() string {
	directory := s.project.Settings.Backup.Directory
	if directory == "" {
		return ""
	}
	about, err := os.Stat(directory)
	switch {
	case err != nil:
		return "x-gapless.backup.directory: " + err.Error()
	case !about.IsDir():
		return "x-gapless.backup.directory: " + directory + " is no directory"
	}
	if err := unix.Access(directory, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Sprintf("x-gapless.backup.directory: %s cannot be written to: %v", directory, err)
	}
	return ""
}

// backupMaker wires the parts of one run, for the Postgres of the project.
func (s *session) backupMaker(run string, notice func(string)) (*backup.Maker, error) {
	service, err := s.project.BackupService()
	if err != nil {
		return nil, refuse(err, "x-gapless: {backup: {service: NAME}}")
	}
	return s.newMaker(service.Name, run, notice)
}

// newMaker wires a maker for a service, which backs up a Postgres unless it is told
// another kind.
func (s *session) newMaker(serviceName, run string, notice func(string)) (*backup.Maker, error) {
	settings := s.project.Settings.Backup
	if err := backup.CheckRecipients(settings.Recipients); err != nil {
		return nil, refuse(err, "")
	}
	store, err := s.backupStore(true)
	if err != nil {
		return nil, err
	}
	release := 0
	if newest, err := s.store.Newest(); err == nil {
		release = newest.Number
	}
	return &backup.Maker{
		Engine: backupEngine{s}, Store: store, Marks: s.store.Path(), Project: s.project.Name, Service: serviceName, Run: run, Tool: "gapless " + Version, Release: release,
		Server: func(ctx context.Context) (backup.Server, error) { return s.backupServer(ctx, serviceName) }, Helper: s.backupHelper, Keeper: backupKeeper{s},
		Recipients: settings.Recipients, Query: settings.Query, Policy: policyOf(settings), Needed: s.neededBackups, Now: time.Now, Notice: notice,
	}, nil
}

func policyOf(settings project.BackupSettings) backup.Policy {
	policy := backup.DefaultPolicy
	if settings.Keep > 0 {
		policy.Newest = settings.Keep
	}
	if settings.KeepWeekly != nil {
		policy.Weekly = *settings.KeepWeekly
	}
	if settings.KeepMonthly != nil {
		policy.Monthly = *settings.KeepMonthly
	}
	return policy
}

// neededBackups are those that were made for releases that one can go back from.
func (s *session) neededBackups() (map[string]bool, error) {
	numbers, err := s.store.Releases()
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, number := range numbers[max(0, len(numbers)-keptReleases):] {
		release, err := s.store.Release(number)
		if err != nil {
			return nil, err
		}
		if release.Backup != "" {
			needed[release.Backup] = true
		}
	}
	return needed, nil
}

// sweepBackups removes what backups have left whose process died. The lock is
// ours, so that nobody is at work on one. It serves nobody, and the next start
// tries again: a disk for backups that is away must not stop a rollback. Settings
// that are wrong are told to whoever wants a backup. An error is one that nothing may
// go on with: files are exchanged in part.
func (s *session) sweepBackups(ctx context.Context) error {
	err := backupEngine{s}.Sweep(ctx)
	store, storeErr := s.backupStore(false)
	if storeErr == nil && store.Exists() {
		err = errors.Join(err, store.Sweep())
		if maker, makerErr := s.backupMaker(newRunID(), nil); makerErr == nil {
			err = errors.Join(err, maker.SweepRestore(ctx))
		}
	}
	if storeErr == nil { // its marks are not on the disk for backups, which may be away
		err = errors.Join(err, s.sweepFiles(ctx, store))
	}
	var pending *backup.PendingError
	if errors.As(err, &pending) {
		return &exitStatus{code: exitHeld, err: pending, hint: pending.Hint()}
	}
	if err != nil {
		s.warn("what a backup has left is still there: %v", err)
	}
	return nil
}

// sweepFiles ends what restores of files have left, of each kind by itself. What
// they worked on is in their own marks: the project may have changed since.
func (s *session) sweepFiles(ctx context.Context, store *backup.Store) error {
	var failures []error
	for _, kind := range []backup.Kind{&backup.Redis{}, &backup.Volume{}} {
		maker := &backup.Maker{Engine: backupEngine{s}, Store: store, Marks: s.store.Path(), Project: s.project.Name, Service: "files", Run: newRunID(), Kind: kind,
			Helper: s.backupHelper, Keeper: backupKeeper{s}, Now: time.Now, Notice: s.app.notice}
		failures = append(failures, maker.SweepRestore(ctx))
	}
	return errors.Join(failures...)
}

// backupTarget is what a plan can back up; nil where nothing is to be. Settings
// that are wrong are refused: nobody who asked for backups migrates without.
func (s *session) backupTarget(state update.State, options update.Options) (*update.BackupTarget, error) {
	settings := s.project.Settings.Backup
	if settings.BeforeMigrations != nil && !*settings.BeforeMigrations || len(state.Containers) == 0 {
		return nil, nil // or there is nothing to lose yet
	}
	service, err := s.project.BackupService()
	switch {
	case errors.Is(err, project.ErrNoDatabase) && (len(settings.Also) == 0 || !settings.Wanted()):
		return nil, nil
	case errors.Is(err, project.ErrNoDatabase) && options.NoBackup:
		return &update.BackupTarget{Service: settings.Also[0]}, nil
	case errors.Is(err, project.ErrNoDatabase):
		return s.targetOf(state)
	case !settings.Wanted():
		return unasked(service.Name, state), nil
	case options.NoBackup:
		return &update.BackupTarget{Service: service.Name}, nil // the plan says so
	case err != nil && settings.Service == "":
		return &update.BackupTarget{No: err.Error(), Wanted: true}, nil
	case err != nil:
		return nil, refuse(err, "")
	}
	if len(state.ContainersOf(service.Name)) == 0 {
		return nil, nil // there is nothing to lose yet
	}
	return s.targetOf(state)
}

// targetOf is what is backed up in an update: the Postgres, and what else the
// settings name.
func (s *session) targetOf(state update.State) (*update.BackupTarget, error) {
	settings := s.project.Settings.Backup
	items, err := s.project.BackupItems()
	if err != nil {
		return nil, refuse(err, "")
	}
	if err := backup.CheckRecipients(settings.Recipients); err != nil {
		return nil, refuse(err, "")
	}
	store, err := s.backupStore(false)
	if err != nil {
		return nil, err
	}
	target := &update.BackupTarget{Wanted: true, No: s.directoryProblem()}
	for i, item := range items {
		if i == 0 {
			target.Service = item.Text()
		} else {
			target.Also = append(target.Also, item.Text())
		}
		if running := slices.ContainsFunc(state.ContainersOf(item.Service), func(c update.Container) bool { return c.Running }); item.Volume == "" && !running {
			target.No = "it does not run"
			if i > 0 {
				target.No = item.Service + " does not run"
			}
		}
	}
	return addLast(target, store, items), nil
}

// unasked is a database that nobody has asked to back up: its plan says how to.
func unasked(serviceName string, state update.State) *update.BackupTarget {
	if serviceName != "" && len(state.ContainersOf(serviceName)) == 0 {
		return nil // there is nothing to lose yet
	}
	return &update.BackupTarget{Service: serviceName, No: "set x-gapless.backup.before_migrations, or run gapless backup create first"}
}

// addLast adds what the last backups took. Where one of them was never made, nobody
// knows how long all take.
func addLast(target *update.BackupTarget, store *backup.Store, items []project.BackupItem) *update.BackupTarget {
	var sum update.BackupTarget
	for _, item := range items {
		last, ok := store.NewestOf(func(m backup.Manifest) bool {
			return m.Of() == item.Name() && cmp.Or(m.Kind, backup.KindPostgres) == item.Kind
		})
		if !ok {
			return target
		}
		sum.Last, sum.DumpTook, sum.ProofTook, sum.Bytes = last.Started, sum.DumpTook+last.DumpTook, sum.ProofTook+last.ProofTook, sum.Bytes+last.Bytes()
		if sum.Of = last.Size(); len(items) > 1 {
			sum.Of = 0 // what the one has grown says nothing of the others
		}
	}
	target.Last, target.DumpTook, target.ProofTook, target.Bytes, target.Of = sum.Last, sum.DumpTook, sum.ProofTook, sum.Bytes, sum.Of
	return target
}
