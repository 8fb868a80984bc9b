package project

import (
	"reflect"
	"time"
)

//go:generate go run ./schemagen ../../docs/x-gapless.schema.json

// Settings is the top-level x-gapless block. Fields tagged `later:"true"` are
// checked and otherwise have no effect: the reader says so in a Finding.
type Settings struct {
	Edge        EdgeSettings        `yaml:"edge" doc:"where the edge listens"`
	Front       FrontSettings       `yaml:"front" doc:"an nginx that passes the requests on by itself, in place of the edge"`
	Hold        HoldSettings        `yaml:"hold" doc:"default for every service"`
	Maintenance MaintenanceSettings `yaml:"maintenance" doc:"answer to requests during gapless maintenance, and when a hold of an update takes too long"`
	Drain       time.Duration       `yaml:"drain" doc:"how long an old container may finish its requests; default for every service"`
	Gate        Gate                `yaml:"gate" doc:"what a new container must pass; default for every service"`
	Checks      [][]string          `yaml:"checks" doc:"commands that must succeed in the new image before anything is touched, for the services of a known framework, else for those that take requests; an empty list: none"`
	Backup      BackupSettings      `yaml:"backup" doc:"backups of the database of the project, which has to be a Postgres, and of what else is named"`
	Watch       WatchSettings       `yaml:"watch" doc:"observation after the switch"`
	Notify      []NotifySettings    `yaml:"notify" doc:"who is told how updates end; addresses and passwords are named here, never written"`
}

// EdgeSettings says where the edge listens: on ports, or on a socket behind
// an existing front.
type EdgeSettings struct {
	HTTP   string   `yaml:"http" doc:"address for plain HTTP, such as :80" format:"address"`
	HTTPS  string   `yaml:"https" doc:"address for HTTPS, such as :443" format:"address" later:"true"`
	Socket string   `yaml:"socket" doc:"absolute path of a unix socket that an existing front connects to" format:"path"`
	Hosts  []string `yaml:"hosts" doc:"host names of every route that names none" format:"host"`
}

// Enabled says whether the project asks for an edge.
func (e EdgeSettings) Enabled() bool {
	return e.HTTP != "" || e.HTTPS != "" || e.Socket != ""
}

// FrontSettings name an nginx whose upstreams are written by updates, for who
// wants no edge in the way of the requests.
type FrontSettings struct {
	Service   string `yaml:"service" doc:"service that runs nginx" format:"service"`
	Upstreams string `yaml:"upstreams" doc:"directory of the host, mounted into that service and included by its configuration, that updates write a file per routed service to: upstream SERVICE { ... }" format:"directory"`
}

// Enabled says whether the project asks for it.
func (f FrontSettings) Enabled() bool { return f.Service != "" || f.Upstreams != "" }

// HoldSettings bounds how long requests are parked.
type HoldSettings struct {
	Limit time.Duration `yaml:"limit" doc:"longest time that a request is parked before it is answered with 503"`
}

// MaintenanceSettings is the maintenance block.
type MaintenanceSettings struct {
	Page       string        `yaml:"page" doc:"HTML file that is shown instead of the built-in page, of at most 64 KiB, with everything that it needs inside"`
	RetryAfter time.Duration `yaml:"retry_after" doc:"what clients are asked to wait, 30s by default, at most 24h"`
	Allow      []string      `yaml:"allow" doc:"networks or addresses of clients that are served during maintenance" format:"network"`
	Health     HealthPolicy  `yaml:"health" doc:"whether requests for the health path are served during maintenance, pass by default, or get the page" enum:"pass,page"`
}

// HealthPolicy says what becomes of requests for the health path.
type HealthPolicy string

// The policies.
const (
	HealthPass HealthPolicy = "pass"
	HealthPage HealthPolicy = "page"
)

// BackupSettings is the backup block.
type BackupSettings struct {
	Service          string   `yaml:"service" doc:"database service to back up; found out where the project has one Postgres" format:"service"`
	Also             []string `yaml:"also" doc:"what else is backed up with it: services that run Redis, and volumes by the names that the compose file gives them"`
	BeforeMigrations *bool    `yaml:"before_migrations" doc:"whether an update makes a backup before it migrates; true where anything else is set here"`
	Directory        string   `yaml:"directory" doc:"absolute path of the directory that backups lie in, each project in one below it; by default in the state directory" format:"path"`
	Keep             int      `yaml:"keep" doc:"how many of the newest backups stay, 7 by default" min:"1" max:"1000"`
	KeepWeekly       *int     `yaml:"keep_weekly" doc:"of how many weeks the newest backup stays too, 4 by default" min:"0" max:"1000"`
	KeepMonthly      *int     `yaml:"keep_monthly" doc:"of how many months the newest backup stays too, 6 by default" min:"0" max:"1000"`
	Recipients       []string `yaml:"recipients" doc:"age public keys that backups are encrypted to"`
	Query            string   `yaml:"query" doc:"SELECT whose answer a restored copy must give too, such as SELECT max(id) FROM orders"`
}

// Wanted tells whether an update makes a backup before it migrates.
func (b BackupSettings) Wanted() bool {
	if b.BeforeMigrations != nil {
		return *b.BeforeMigrations
	}
	return !reflect.ValueOf(b).IsZero()
}

// WatchSettings is the watch block.
type WatchSettings struct {
	For          time.Duration `yaml:"for" doc:"how long to look at the new version before the old one is given up"`
	MaxErrorRate string        `yaml:"max_error_rate" doc:"share of failed requests that is too much, such as 1%; by default twice the old version's, and 2% more" format:"percent"`
	MaxP95Ratio  float64       `yaml:"max_p95_ratio" doc:"p95 latency as a multiple of the old version's that is too much; by default twice, nearly" min:"1" max:"1000"`
}

// ServiceSettings is the x-gapless block of a service.
type ServiceSettings struct {
	Role    Role            `yaml:"role" doc:"how the service behaves during an update" enum:"web,worker,scheduler,job,stateful,front"`
	Route   *RouteSettings  `yaml:"route" doc:"how requests reach the service through the edge"`
	Overlap *bool           `yaml:"overlap" doc:"whether two containers may run at once"`
	Order   Order           `yaml:"order" doc:"overrides deploy.update_config.order" enum:"start-first,stop-first"`
	Hold    HoldSettings    `yaml:"hold" doc:"parking of requests"`
	Quiesce []string        `yaml:"quiesce" doc:"command run in the old container that stops it from taking new jobs" min:"1"`
	Drain   time.Duration   `yaml:"drain" doc:"how long an old container may finish its requests"`
	Gate    Gate            `yaml:"gate" doc:"what a new container must pass"`
	Reload  *ReloadSettings `yaml:"reload" doc:"how a running container takes new settings without a restart"`
	Checks  [][]string      `yaml:"checks" doc:"commands that must succeed in the new image before anything is touched; an empty list: none"`
	Migrate MigrateSettings `yaml:"migrate" doc:"migration, run in the new image"`
	Static  CommandSettings `yaml:"static" doc:"collection of static files, run in the new image"`
}

// ReloadSettings is the reload block of a service.
type ReloadSettings struct {
	Signal  string   `yaml:"signal" doc:"signal to the main process, such as HUP" format:"signal"`
	Command []string `yaml:"command" doc:"argv list, run in the container" min:"1"`
}

// MigrateSettings is the migrate block of a service.
type MigrateSettings struct {
	Command    []string `yaml:"command" doc:"argv list, never a shell string; an empty list: none"`
	Pending    []string `yaml:"pending" doc:"argv list that prints the migrations that are due and changes nothing"`
	SQL        []string `yaml:"sql" doc:"argv list that prints the SQL of the migrations that are due and changes nothing"`
	Compatible *bool    `yaml:"compatible" doc:"whether the old version can work on the migrated database"`
}

// RouteSettings is the route block of a service.
type RouteSettings struct {
	Port   int      `yaml:"port" doc:"container port that speaks HTTP" min:"1" max:"65535"`
	Path   string   `yaml:"path" doc:"prefix of the requests, / by default" format:"urlpath"`
	Hosts  []string `yaml:"hosts" doc:"host names of the requests, every host by default" format:"host"`
	Health string   `yaml:"health" doc:"path that answers 2xx when the service can take requests" format:"urlpath"`
	Smoke  []string `yaml:"smoke" doc:"paths that must answer without an error before the switch" format:"urlpath"`
	On     Listener `yaml:"on" doc:"which listener of the edge the requests come in on; found out by default: where an existing front stands behind the edge, the front is on http and what it passes requests on to is on socket; else all of them" enum:"http,socket"`
}

// CommandSettings is a command as an argv list.
type CommandSettings struct {
	Command []string `yaml:"command" doc:"argv list, never a shell string; an empty list: none"`
}
