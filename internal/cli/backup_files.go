package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gapless/internal/backup"
	"gapless/internal/project"
	"gapless/internal/update"
)

// backupKeeper knows and stops the containers that use files, for one project.
type backupKeeper struct{ session *session }

// Users implements backup.Keeper.
func (k backupKeeper) Users(ctx context.Context, place backup.Place) ([]backup.User, error) {
	holders, err := k.session.bench.Holders(ctx, place.Volume, place.Source)
	var users []backup.User
	for _, h := range holders {
		users = append(users, backup.User{Name: h.Name, Service: h.Service, Restart: h.Restart, Running: h.Running, Started: h.Started, Target: h.Target, Writable: h.Writable})
	}
	return users, err
}

// Exists implements backup.Keeper.
func (k backupKeeper) Exists(ctx context.Context, place backup.Place) (bool, error) {
	if place.Volume == "" {
		return true, nil
	}
	return k.session.engine.HasVolume(ctx, place.Volume)
}

// defaultGrace is what Docker gives a container to stop.
const defaultGrace = 10 * time.Second

// Stop implements backup.Keeper. The policy goes first: a restart of the engine
// must not start the container among files that are being exchanged.
func (k backupKeeper) Stop(ctx context.Context, user backup.User) error {
	if err := k.session.bench.SetRestart(ctx, user.Name, "no"); err != nil {
		return ignoreGone(err)
	}
	grace := defaultGrace
	if service, ok := k.session.project.Service(user.Service); ok && service.StopGrace > 0 {
		grace = service.StopGrace
	}
	return ignoreGone(k.session.bench.SettleStop(ctx, user.Name, grace))
}

// ignoreGone lets a container be gone.
func ignoreGone(err error) error {
	if errors.Is(err, update.ErrNoContainer) {
		return nil
	}
	return err
}

// Start implements backup.Keeper.
func (k backupKeeper) Start(ctx context.Context, user backup.User) error {
	if err := k.session.bench.SetRestart(ctx, user.Name, user.Restart); err != nil {
		return err
	}
	return k.session.bench.Start(ctx, user.Name)
}

// PlaceOf implements backup.Keeper.
func (k backupKeeper) PlaceOf(ctx context.Context, containerID, directory string) (backup.Place, bool, error) {
	volume, source, rest, err := k.session.bench.MountOf(ctx, containerID, directory)
	return backup.Place{Volume: volume, Source: source, Directory: rest}, volume+source != "", err
}

// backupHelper is this program as the only file of an image.
func (s *session) backupHelper(ctx context.Context) (imageID string, argv []string, err error) {
	if err := runsAlone(); err != nil {
		return "", nil, err
	}
	imageID, err = s.helperImage(ctx)
	return imageID, []string{programInImage, "archive"}, err
}

// redisServer finds the Redis that runs, and how to get into it.
func (s *session) redisServer(ctx context.Context, serviceName string) (backup.RedisServer, error) {
	containers, err := s.bench.Look(ctx)
	if err != nil {
		return backup.RedisServer{}, err
	}
	for _, c := range containers {
		if c.Service == serviceName && c.Running {
			found, err := s.bench.Redis(ctx, c.ID)
			return backup.RedisServer{ContainerID: found.ContainerID, ImageID: found.ImageID, Port: found.Port, Password: found.Password}, err
		}
	}
	return backup.RedisServer{}, notRunning(serviceName)
}

// notRunning is a server that has to run to be asked.
func notRunning(serviceName string) error {
	return &exitStatus{code: exitRefused, err: errors.New(serviceName + " does not run"), hint: "docker compose up -d " + serviceName}
}

// makerOf wires the parts of one run for one thing to back up.
func (s *session) makerOf(item project.BackupItem, run string, notice func(string)) (*backup.Maker, error) {
	maker, err := s.newMaker(item.Service, run, notice)
	if err != nil {
		return nil, err
	}
	switch item.Kind {
	case project.BackupRedis:
		maker.Kind = &backup.Redis{Server: func(ctx context.Context) (backup.RedisServer, error) { return s.redisServer(ctx, item.Service) }}
	case project.BackupVolume:
		maker.Kind = &backup.Volume{Name: item.Volume, Place: backup.Place{Volume: s.project.VolumeName(item.Volume)}, Databases: s.project.DatabasesOn(item.Volume)}
		if maker.Service == "" {
			maker.Service = item.Volume // nobody has it now
		}
	}
	return maker, nil
}

// makersOf are the makers of several things, in one run.
func (s *session) makersOf(items []project.BackupItem, run string, notice func(string)) ([]*backup.Maker, error) {
	var makers []*backup.Maker
	for i, item := range items {
		maker, err := s.makerOf(item, run, notice)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			maker.Suffix = fmt.Sprintf("-%d", i+1)
		}
		makers = append(makers, maker)
	}
	return makers, nil
}

// backupItems are the named things, or what is backed up where none is named.
func (s *session) backupItems(names []string) ([]project.BackupItem, error) {
	if len(names) == 0 {
		items, err := s.project.BackupItems()
		if err != nil {
			return nil, refuse(err, "name it: gapless backup create SERVICE or VOLUME; or set x-gapless: {backup: {service: NAME, also: [NAMES]}}")
		}
		return items, nil
	}
	var items []project.BackupItem
	for _, name := range names {
		item, err := s.project.BackupItem(name)
		if err != nil {
			return nil, refuse(err, "gapless backup create without a name backs up the Postgres, and what x-gapless.backup.also names")
		}
		items = append(items, item)
	}
	return items, nil
}

// itemOf is what a backup is of, in the project of today.
func (s *session) itemOf(manifest backup.Manifest) project.BackupItem {
	if manifest.Kind == backup.KindVolume {
		if item, err := s.project.BackupItem(manifest.Volume); err == nil && item.Kind == project.BackupVolume {
			return item
		}
		return project.BackupItem{Kind: project.BackupVolume, Volume: manifest.Volume, Service: manifest.Service}
	}
	if manifest.Kind == backup.KindRedis {
		return project.BackupItem{Kind: project.BackupRedis, Service: manifest.Service}
	}
	return project.BackupItem{Kind: project.BackupPostgres, Service: manifest.Service}
}

// manyBackups makes the backups of several things as one.
type manyBackups []update.Backups

// Dump implements update.Backups.
func (m manyBackups) Dump(ctx context.Context, say func(string)) error {
	for _, one := range m {
		if err := one.Dump(ctx, say); err != nil {
			return err
		}
	}
	return nil
}

// Prove implements update.Backups.
func (m manyBackups) Prove(ctx context.Context, say func(string)) error {
	for _, one := range m {
		if err := one.Prove(ctx, say); err != nil {
			return err
		}
	}
	return nil
}

// Discard implements update.Backups.
func (m manyBackups) Discard(ctx context.Context) (kept bool, err error) {
	for _, one := range m {
		stays, discardErr := one.Discard(ctx)
		kept, err = kept || stays, errors.Join(err, discardErr)
	}
	return kept, err
}

// ID implements update.Backups.
func (m manyBackups) ID() string { return m[0].ID() }

// makerFor is the maker of what a backup is of. That of a Postgres is the one of
// the project: a backup of another service is refused by it.
func (s *session) makerFor(manifest backup.Manifest) (*backup.Maker, error) {
	if item := s.itemOf(manifest); item.Kind != project.BackupPostgres {
		return s.makerOf(item, newRunID(), s.app.notice)
	}
	return s.backupMaker(newRunID(), s.app.notice)
}

// makersIn are makers for everything that there are backups of, whether it is still
// in the project or not.
func (s *session) makersIn() ([]*backup.Maker, error) {
	store, err := s.backupStore(true)
	if err != nil {
		return nil, err
	}
	all, err := store.List()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var makers []*backup.Maker
	for _, one := range all {
		item := s.itemOf(one.Manifest)
		key := item.Kind + " " + item.Name()
		if one.Problem != nil || one.Project != s.project.Name || seen[key] {
			continue
		}
		seen[key] = true
		maker, err := s.makerOf(item, newRunID(), s.app.notice)
		if err != nil {
			return nil, err
		}
		makers = append(makers, maker)
	}
	return makers, nil
}
