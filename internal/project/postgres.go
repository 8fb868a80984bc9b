package project

import (
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
