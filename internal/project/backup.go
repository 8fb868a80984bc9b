package project

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// BackupItem is what a backup is of: a database service, or a volume.
type BackupItem struct {
	Kind     string // BackupPostgres, BackupRedis or BackupVolume
	Service  string // of a volume the first one that has it
	Volume   string // key in the compose file; empty: it is a service
	Services []string
}

// The kinds of what can be backed up.
const (
	BackupPostgres = "postgres"
	BackupRedis    = "redis"
	BackupVolume   = "volume"
)

// Name is how a person calls it.
func (b BackupItem) Name() string {
	if b.Volume != "" {
		return b.Volume
	}
	return b.Service
}

// Text names it beyond doubt: a volume says whose it is.
func (b BackupItem) Text() string {
	switch {
	case b.Volume == "":
		return b.Service
	case len(b.Services) == 0:
		return "volume " + b.Volume
	}
	return fmt.Sprintf("volume %s of %s", b.Volume, strings.Join(b.Services, " and "))
}

// redisNames are the databases that are a Redis and are asked as one.
var redisNames = words(`redis valkey`)

// RunsRedis tells whether the service is a Redis or a Valkey, judged by its image
// and by where it keeps its data.
func (s Service) RunsRedis() bool {
	if s.Role != RoleStateful {
		return false
	}
	if name := databaseOf(s.runs()); name != "" {
		return slices.Contains(redisNames, name)
	}
	return slices.ContainsFunc(s.Volumes, func(v Volume) bool {
		return v.Writable && slices.Contains(redisNames, dataDirectories[strings.TrimRight(v.Target, "/")])
	})
}

// BackupItem finds what a name stands for: a service that is a database, a volume,
// or a service with one volume.
func (p *Project) BackupItem(name string) (BackupItem, error) {
	service, isService := p.Service(name)
	switch {
	case isService && service.RunsPostgres():
		return BackupItem{Kind: BackupPostgres, Service: name}, nil
	case isService && service.RunsRedis():
		return BackupItem{Kind: BackupRedis, Service: name}, nil
	case p.hasVolume(name):
		return p.volumeItem(name), nil
	case isService && p.Settings.Backup.Service == name:
		return BackupItem{Kind: BackupPostgres, Service: name}, nil
	case !isService:
		return BackupItem{}, fmt.Errorf("there is no service and no volume %.60q", name)
	}
	volumes := named(service)
	switch len(volumes) {
	case 0:
		return BackupItem{}, fmt.Errorf("service %s is no Postgres and no Redis, and has no volume with a name: there is nothing to back up", name)
	case 1:
		return p.volumeItem(volumes[0]), nil
	}
	return BackupItem{}, fmt.Errorf("service %s has several volumes (%s): name one of them", name, strings.Join(volumes, ", "))
}

// BackupItems is what is backed up where nothing is named: the Postgres, and what
// the settings name besides.
func (p *Project) BackupItems() ([]BackupItem, error) {
	var items []BackupItem
	service, err := p.BackupService()
	switch {
	case err == nil:
		items = append(items, BackupItem{Kind: BackupPostgres, Service: service.Name})
	case !errors.Is(err, ErrNoDatabase) || len(p.Settings.Backup.Also) == 0:
		return nil, err
	}
	for _, name := range p.Settings.Backup.Also {
		item, err := p.BackupItem(name)
		if err != nil {
			return nil, fmt.Errorf("x-gapless.backup.also: %w", err)
		}
		if !slices.ContainsFunc(items, func(one BackupItem) bool { return one.Kind == item.Kind && one.Name() == item.Name() }) {
			items = append(items, item)
		}
	}
	return items, nil
}

func (p *Project) hasVolume(key string) bool {
	_, there := p.Compose.Volumes[key]
	return there
}

// VolumeName is how the engine calls a volume.
func (p *Project) VolumeName(key string) string { return p.Compose.Volumes[key].Name }

func named(service Service) (keys []string) {
	for _, volume := range service.Volumes {
		if volume.Kind == VolumeNamed && !slices.Contains(keys, volume.Source) {
			keys = append(keys, volume.Source)
		}
	}
	return keys
}

func (p *Project) volumeItem(key string) BackupItem {
	item := BackupItem{Kind: BackupVolume, Volume: key}
	for _, service := range p.Services {
		if slices.Contains(named(service), key) {
			item.Services = append(item.Services, service.Name)
		}
	}
	if len(item.Services) > 0 {
		item.Service = item.Services[0]
	}
	return item
}

// DatabasesOn says, by service, which databases write to a volume, and what backs
// them up: a copy of the files of one that runs would be torn.
func (p *Project) DatabasesOn(key string) map[string]string {
	found := map[string]string{}
	for _, service := range p.Services {
		writes := slices.ContainsFunc(service.Volumes, func(v Volume) bool { return v.Kind == VolumeNamed && v.Source == key && v.Writable })
		switch {
		case !writes || service.Role != RoleStateful: // whoever says that it is another has its image for its tools
		case service.RunsPostgres() || service.RunsRedis():
			found[service.Name] = "gapless backup create " + service.Name + " asks the server itself for a whole copy"
		default:
			found[service.Name] = "stop it (docker compose stop " + service.Name + "), make the backup, and start it again; this version knows no other way to a whole copy of it"
		}
	}
	return found
}
