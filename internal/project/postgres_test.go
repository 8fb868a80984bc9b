package project

import "testing"

// A Postgres is found by its image or its data; what only reads the data, or is
// another database, is none.
func TestRunsPostgres(t *testing.T) {
	data := []Volume{{Target: "/var/lib/postgresql/data/", Writable: true}}
	for _, c := range []struct {
		name    string
		service Service
		want    bool
	}{
		{"official", Service{Image: "postgres:17-alpine", Role: RoleStateful}, true},
		{"with an extension", Service{Image: "timescale/timescaledb:latest-pg16", Role: RoleStateful}, true},
		{"its own build on it", Service{Image: "shop-db", BaseImage: "postgis/postgis:16", Role: RoleStateful}, true},
		{"by its data", Service{Image: "registry.example/base:3", Volumes: data, Role: RoleStateful}, true},
		{"reads the data", Service{Image: "registry.example/base:3", Volumes: []Volume{{Target: "/var/lib/postgresql/data"}}, Role: RoleStateful}, false},
		{"a client of it", Service{Image: "postgres:17", Role: RoleJob}, false},
		{"another database", Service{Image: "mysql:9", Role: RoleStateful}, false},
		{"speaks its protocol, counts otherwise", Service{Image: "cockroachdb/cockroach:v24", Role: RoleStateful}, false},
	} {
		if got := c.service.RunsPostgres(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
