package project

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// postgresNames are the databases that are a Postgres and are asked as one.
var postgresNames = words(`postgres postgresql postgis pgvector timescaledb timescale citus`)

// RunsPostgres tells whether the service is a Postgres server, judged by its
// image and by where it keeps its data.
func (s Service) RunsPostgres() bool {
	if s.Role != RoleStateful {
		return false
	}
	if name := databaseOf(s.runs()); name != "" {
		return slices.Contains(postgresNames, name)
	}
	return slices.ContainsFunc(s.Volumes, func(v Volume) bool {
		return v.Writable && slices.Contains(postgresNames, dataDirectories[strings.TrimRight(v.Target, "/")])
	})
}

// ErrNoDatabase says that a project has no database that can be backed up.
var ErrNoDatabase = errors.New("no service of this project is known to be a Postgres, which is what can be backed up")

// BackupService is the database service that is backed up: the one that the
// settings name, else the only Postgres of the project.
func (p *Project) BackupService() (Service, error) {
	if name := p.Settings.Backup.Service; name != "" {
		service, ok := p.Service(name)
		if !ok {
			return service, fmt.Errorf("x-gapless.backup.service: there is no service %s", name)
		}
		if is := databaseOf(service.runs()); is != "" && !slices.Contains(postgresNames, is) {
			return service, fmt.Errorf("x-gapless.backup.service: %s is %s, and this version backs up Postgres only", name, is)
		}
		return service, nil
	}
	var found []Service
	var names []string
	for _, service := range p.Services {
		if service.RunsPostgres() {
			found, names = append(found, service), append(names, service.Name)
		}
	}
	switch len(found) {
	case 0:
		return Service{}, ErrNoDatabase
	case 1:
		return found[0], nil
	}
	return Service{}, fmt.Errorf("there are several Postgres services (%s): say which one to back up in x-gapless.backup.service", strings.Join(names, ", "))
}
