package update

import (
	"fmt"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// scenario is one update: what runs, what is wanted, and what may never
// happen meanwhile.
type scenario struct {
	name     string
	services []project.Service
	running  []Container
	routed   []string // services that the edge serves already
	socket   string   // that the edge listens on beside its port
	native   string   // service of the nginx that passes requests on in place of the edge
	begins   bool     // that runs as front does, and does not read the upstreams
	former   string   // listener of the routes that the edge still has then
	routedAs []string // listeners of those already served; nil: as wanted
	memory   int64
	groups   []MemoryGroup
	server   []Database
	disk     *Disk
	cpus     int
	ports    map[int]string // of the host, with who has them; nil: nobody looked
	room     int            // containers that may run at once beyond those that run before; 0: any number
	backup   *BackupTarget
	release  *Release
	options  Options
	was, is  *change.Source      // of the services with build:; nil: nobody recorded it
	files    map[string][]string // targets of mounted files that differ, by service
	stale    []string            // of those: that the containers do not see
	judged   *Judgement          // of the migrations of the API, whose image is built already then
	contract bool                // what waits is run, and nothing else
	prepare  func(*fakeDatabase)
	traffic  func(*world)
	covered  []string
	singles  []string
	held     []string      // beside the singles: services whose requests wait while nobody serves them
	bad      string        // a service whose new version never gets healthy
	steps    []Step        // of the shift, in place of the planner's
	failing  string        // first word of the command of a one-off that fails
	taskTime time.Duration // that a one-off takes
}

const oldImage, newImage = "sha256:old", "sha256:new"

func web(name string) project.Service {
	return project.Service{Name: name, Image: name + ":latest", Role: project.RoleWeb, Replicas: 1, Restart: "always",
		StopGrace: 10 * time.Second, Parallelism: 1, Route: &project.Route{Port: 8000, Path: "/", HealthPath: "/health"}}
}

func plain(name string, role project.Role) project.Service {
	return project.Service{Name: name, Image: name + ":latest", Role: role, Replicas: 1, Restart: "unless-stopped", StopGrace: 10 * time.Second, Parallelism: 1}
}

func with[T any](s T, edit func(*T)) T {
	edit(&s)
	return s
}

// up is a running container of the old version.
func up(serviceName string, number int) Container {
	return Container{Name: "shop-" + serviceName + "-" + string(rune('0'+number)), Service: serviceName, Number: number,
		ImageID: oldImage, ConfigHash: "hash", Running: true, Restart: "always", MemoryBytes: 100 << 20}
}

// now is a running container of the new version.
func now(serviceName string, number int) Container {
	c := up(serviceName, number)
	c.ImageID = newImage
	return c
}

var scenarios = []scenario{
	{
		name:     "one routed service",
		services: []project.Service{web("api")},
		running:  []Container{up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 42}, covered: []string{"api"},
	},
	{
		name:     "two services, the second is bad",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop"; s.DependsOn = []string{"api"} })},
		running:  []Container{up("api", 1), up("shop", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 1}, covered: []string{"api", "shop"}, bad: "shop",
	},
	{
		name:     "three replicas in batches of two",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Replicas, s.Parallelism = 3, 2 })},
		running:  []Container{up("api", 1), up("api", 2), up("api", 3)}, routed: []string{"api"},
		release: &Release{Number: 1}, covered: []string{"api"},
	},
	{
		name: "the guide's stack",
		services: []project.Service{
			plain("db", project.RoleStateful),
			with(plain("migratejob", project.RoleJob), func(s *project.Service) { s.Restart = "no"; s.DependsOn = []string{"db"} }),
			with(web("api"), func(s *project.Service) { s.DependsOn = []string{"migratejob", "db"} }),
			plain("worker", project.RoleWorker), plain("beat", project.RoleScheduler),
		},
		running: []Container{up("db", 1), up("api", 1), up("worker", 1), up("beat", 1)}, routed: []string{"api"},
		release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"beat", "db"}, memory: 4 << 30,
	},
	{
		name: "waves follow what services need",
		services: []project.Service{
			with(plain("migratejob", project.RoleJob), func(s *project.Service) { s.Restart = "no" }),
			with(web("api"), func(s *project.Service) { s.Replicas, s.Parallelism, s.DependsOn = 3, 2, []string{"migratejob"} }),
			with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }),
			with(web("admin"), func(s *project.Service) { s.Route.Path, s.DependsOn = "/admin", []string{"api"} }),
			plain("worker", project.RoleWorker),
			with(plain("beat", project.RoleScheduler), func(s *project.Service) { s.DependsOn = []string{"migratejob"} }),
			with(plain("checkjob", project.RoleJob), func(s *project.Service) { s.Restart, s.DependsOn = "no", []string{"admin"} }),
		},
		running: []Container{up("api", 1), up("api", 2), up("api", 3), up("shop", 1), up("admin", 1), up("worker", 1), up("beat", 1)},
		routed:  []string{"api", "shop", "admin"}, release: &Release{Number: 7}, covered: []string{"api", "shop", "admin"}, singles: []string{"beat"}, cpus: 4, room: 4,
	},
	{
		name:     "a bad service in a wave",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }), plain("worker", project.RoleWorker), plain("beat", project.RoleScheduler)},
		running:  []Container{up("api", 1), up("shop", 1), up("worker", 1), up("beat", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, covered: []string{"api", "shop"}, singles: []string{"beat"}, bad: "shop",
	},
	{
		name:     "memory for two second copies",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }), plain("worker", project.RoleWorker), plain("mailer", project.RoleWorker)},
		running:  []Container{up("api", 1), up("shop", 1), up("worker", 1), up("mailer", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, covered: []string{"api", "shop"}, memory: 300 << 20, room: 2,
	},
	{
		name:     "memory limit around the containers",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }), plain("outside", project.RoleWorker)},
		running:  []Container{up("api", 1), up("shop", 1), up("outside", 1)}, routed: []string{"api", "shop"}, memory: 4 << 30,
		groups:  []MemoryGroup{{Path: "/shop.slice", LimitBytes: 500 << 20, UsedBytes: 300 << 20, Services: []string{"api", "shop"}}},
		release: &Release{Number: 7}, covered: []string{"api", "shop"}, room: 2,
	},
	{
		name:     "connections for two second copies",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }), plain("worker", project.RoleWorker), plain("db", project.RoleStateful)},
		running:  []Container{up("api", 1), up("shop", 1), up("worker", 1), now("db", 1)}, routed: []string{"api", "shop"}, memory: 4 << 30,
		server:  []Database{{Service: "db", Limit: 97, Used: 60, Each: map[string]int{"api": 12, "shop": 12, "worker": 12}}},
		release: &Release{Number: 7}, covered: []string{"api", "shop"}, room: 2,
	},
	{
		name:     "no connections for a second copy",
		services: []project.Service{web("api"), plain("worker", project.RoleWorker), plain("db", project.RoleStateful)},
		running:  []Container{up("api", 1), up("worker", 1), now("db", 1)}, routed: []string{"api"}, memory: 4 << 30,
		server:  []Database{{Service: "db", Limit: 97, Used: 80, Each: map[string]int{"api": 60, "worker": 4}}},
		release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"api"},
	},
	{
		name:     "a tight disk",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Build = true })},
		running:  []Container{up("api", 1)}, routed: []string{"api"},
		disk:    &Disk{Directory: "/var/lib/docker", FreeBytes: 1200 << 20, NewImages: map[string]NewImage{"api": {Bytes: 300 << 20, Like: "as the image that runs"}}},
		release: &Release{Number: 5}, covered: []string{"api"},
	},
	{
		name:     "a disk of which nothing is known",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Build = true })},
		running:  []Container{up("api", 1)}, routed: []string{"api"},
		disk:    &Disk{Unknown: "the engine is on another host"},
		release: &Release{Number: 5}, covered: []string{"api"},
	},
	{
		name:     "one processor",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }), plain("worker", project.RoleWorker)},
		running:  []Container{up("api", 1), up("shop", 1), up("worker", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, covered: []string{"api", "shop"}, cpus: 1, room: 2,
	},
	{
		name:     "container_name and a hold",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.ContainerName = "shop-api-1" })},
		running:  []Container{up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 3}, covered: []string{"api"}, singles: []string{"api"},
	},
	{
		name:     "not enough memory",
		services: []project.Service{web("api"), plain("worker", project.RoleWorker)},
		running:  []Container{up("api", 1), up("worker", 1)}, routed: []string{"api"},
		release: &Release{Number: 3}, covered: []string{"api"}, singles: []string{"api", "worker"}, memory: 120 << 20,
	},
	{
		name: "fixed host port",
		services: []project.Service{with(plain("api", project.RoleWeb), func(s *project.Service) {
			s.HostPorts, s.HTTPPort = []project.Port{{Host: 8080, Container: 8000, Protocol: "tcp"}}, 8000
		})},
		running: []Container{up("api", 1)}, singles: []string{"api"},
	},
	{
		name:     "adopted and moved behind the edge",
		services: []project.Service{web("api")},
		running:  []Container{up("api", 1)},
	},
	{
		name: "quick",
		services: []project.Service{
			plain("db", project.RoleStateful),
			with(plain("migratejob", project.RoleJob), func(s *project.Service) { s.Restart = "no"; s.DependsOn = []string{"db"} }),
			with(web("api"), func(s *project.Service) { s.Replicas, s.DependsOn = 2, []string{"migratejob", "db"} }),
			with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }),
			plain("worker", project.RoleWorker), plain("beat", project.RoleScheduler),
		},
		running: []Container{up("db", 1), up("api", 1), up("api", 2), up("shop", 1), up("worker", 1), up("beat", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyQuick}, covered: []string{"api", "shop"}, singles: []string{"shop", "worker", "beat", "db"}, held: []string{"api"},
	},
	{
		name:     "quick and a bad second service",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path, s.ContainerName = "/shop", "shop-shop-1" })},
		running:  []Container{up("api", 1), up("shop", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyQuick}, covered: []string{"api", "shop"}, singles: []string{"api", "shop"}, bad: "shop",
	},
	{
		name:     "reload",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path, s.Replicas = "/shop", 2 }), plain("worker", project.RoleWorker)},
		running:  []Container{up("api", 1), up("shop", 1), up("shop", 2), up("worker", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyReload}, covered: []string{"api", "shop"}, singles: []string{"api", "worker"},
	},
	{
		name: "blue-green",
		services: []project.Service{
			with(plain("migratejob", project.RoleJob), func(s *project.Service) { s.Restart = "no" }),
			with(web("api"), func(s *project.Service) { s.Replicas = 2 }), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }),
			plain("worker", project.RoleWorker), plain("beat", project.RoleScheduler),
		},
		running: []Container{up("api", 1), up("api", 2), up("shop", 1), up("worker", 1), up("beat", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyBlueGreen}, covered: []string{"api", "shop"}, singles: []string{"beat"}, memory: 4 << 30,
	},
	{
		name:     "blue-green, the second is bad",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" })},
		running:  []Container{up("api", 1), up("shop", 1)}, routed: []string{"api", "shop"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyBlueGreen}, covered: []string{"api", "shop"}, bad: "shop",
	},
	{
		name:     "static files only",
		services: []project.Service{with(with(web("api"), django), func(s *project.Service) { s.Framework = project.FrameworkDjango }), with(plain("worker", project.RoleWorker), shares)},
		running:  []Container{up("api", 1), up("worker", 1)}, routed: []string{"api"}, was: source("1", "1"), is: source("1", "2"),
		release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"api", "worker"},
	},
	{
		name:     "migrations that the old version survives",
		services: []project.Service{with(web("api"), django), with(plain("worker", project.RoleWorker), shares)},
		running:  []Container{up("api", 1), up("worker", 1)}, routed: []string{"api"}, was: source("1", "1"), is: source("2", "1", "tours/0002_note"),
		release: &Release{Number: 7}, options: Options{Migrations: MigrationsCompatible}, covered: []string{"api"},
	},
	{
		name:     "migrations behind a backup",
		services: []project.Service{with(web("api"), django), with(plain("worker", project.RoleWorker), shares), plain("db", project.RoleStateful)},
		running:  []Container{up("api", 1), up("worker", 1), now("db", 1)}, routed: []string{"api"}, was: source("1", "1"), is: source("2", "1", "tours/0002_note"),
		backup:  &BackupTarget{Service: "db", Last: time.Unix(1_799_000_000, 0), DumpTook: 12 * time.Second, ProofTook: 40 * time.Second, Bytes: 210 << 20},
		release: &Release{Number: 7}, options: Options{Migrations: MigrationsCompatible}, covered: []string{"api"},
	},
	withData(scenario{
		name: "back to a release with its data",
		services: []project.Service{plain("db", project.RoleStateful), web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" }),
			plain("worker", project.RoleWorker), plain("beat", project.RoleScheduler)},
		running: []Container{now("db", 1), up("api", 1), now("shop", 1), up("worker", 1), now("beat", 1)}, routed: []string{"api", "shop"},
	}),
	withData(scenario{
		name:     "back with data, and the release does not come up",
		services: []project.Service{plain("db", project.RoleStateful), web("api"), plain("worker", project.RoleWorker)},
		running:  []Container{now("db", 1), up("api", 1), up("worker", 1)}, routed: []string{"api"}, bad: "worker",
	}),
	withData(scenario{
		name: "back with data, a job between and a name that exists once",
		services: []project.Service{plain("db", project.RoleStateful), with(plain("migratejob", project.RoleJob), func(s *project.Service) { s.Restart = "no" }),
			with(web("api"), func(s *project.Service) { s.ContainerName, s.DependsOn = "shop-api-1", []string{"migratejob"} })},
		running: []Container{now("db", 1), up("api", 1)}, routed: []string{"api"},
	}),
	{
		name: "back over a migration, to containers that migrate when they start",
		services: []project.Service{with(web("api"), func(s *project.Service) {
			s.Command = []string{"sh", "-c", "alembic -c alembic.ini upgrade head && exec gunicorn app"}
		}), with(plain("worker", project.RoleWorker), func(s *project.Service) { s.Command = []string{"celery", "worker"} }), plain("beat", project.RoleScheduler)},
		running: []Container{up("api", 1), up("worker", 1), up("beat", 1)}, routed: []string{"api"}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"beat"},
		options: Options{BackTo: 6, Cause: "back to release 6", AtStart: map[string]bool{"beat": true}, Crosses: []string{
			"the data stays as release 7 made it: migration tours/0002_no_size, which the release before survives; irreversible: its values are gone",
			"restoring backup 20260102-030405-abcd, made 2h0m0s ago (2026-01-02 03:04 UTC) before release 7, would lose everything written since, as far as the server has counted: public.item: 5 inserted, 2 updated, 1 deleted"}},
	},
	{
		name:     "migrations of which nobody said anything",
		services: []project.Service{with(web("api"), django), with(plain("worker", project.RoleWorker), shares)},
		running:  []Container{up("api", 1), up("worker", 1)}, routed: []string{"api"}, was: source("1", "1"), is: source("2", "2", "tours/0002_note"),
		release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"api", "worker"},
	},
	guardedScenario(judgedScenario("migrations under a guard", Options{}, nil, exclusive)),
	judgedScenario("migrations that only add", Options{}, nil, Judged{Name: "tours/0002_price", Class: ClassSafe,
		BreaksNew: []string{"tours_tour.price is not there, which tours.Tour reads"}, Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}},
		Judged{Name: "auth/0013_index", Class: ClassSafe, Locks: []TableLock{{"auth_user", "SHARE UPDATE EXCLUSIVE"}}}),
	judgedScenario("a migration that the new version can wait for", Options{}, []string{"api", "worker"}, Judged{Name: "tours/0002_no_size", Class: "bd",
		BreaksOld: []string{"tours_tour.size is not there, which tours.Tour reads"}, Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}},
		Irreversible: []string{`ALTER TABLE "tours_tour" DROP COLUMN "size": what was in it is gone`}}),
	framed(judgedScenario("a migration that waits for the new version", Options{}, nil, dropsSize)),
	framed(judgedScenario("migrations of which the last one waits", Options{}, nil,
		Judged{Name: "tours/0002_price", Class: ClassSafe, BreaksNew: []string{"tours_tour.price is not there, which tours.Tour reads"}}, Judged{Name: "auth/0013_index", Class: ClassSafe},
		Judged{Name: "tours/0003_index", Class: ClassSafe}, dropsSize)),
	framed(judgedScenario("a migration that waits and of which the new version may need something", Options{}, []string{"api", "worker"}, with(dropsSize, func(m *Judged) { m.MayNeed = []string{"CREATE VIEW sizes AS SELECT 1"} }))),
	framed(judgedScenario("a migration that waits, and nothing that may", Options{Migrations: MigrationsBreaking}, []string{"api", "worker"}, dropsSize)),
	leftWaiting(framed(judgedScenario("newer migrations after one that waits", Options{}, nil, survivable(dropsSize), Judged{Name: "tours/0005_price", Class: ClassSafe}))),
	leftWaiting(framed(judgedScenario("nothing due but what waits", Options{}, nil, survivable(dropsSize)))),
	contracted(judgedScenario("what waited is run", Options{}, nil, survivable(dropsSize))),
	judgedScenario("a migration that breaks both versions", Options{}, []string{"api", "worker"}, Judged{Name: "tours/0002_title", Class: "b",
		BreaksOld: []string{"tours_tour.name is not there, which tours.Tour reads", "tours_tour.title needs a value, which tours.Tour does not write"},
		BreaksNew: []string{"tours_tour.title is not there, which tours.Tour reads"}, Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}}),
	judgedScenario("a migration that is not understood", Options{}, []string{"api", "worker"}, Judged{Name: "tours/0002_respell", Class: ClassUnknown,
		Unknown: []string{"its code reads tours_tour (2000 rows, less than 1 MiB): what it does with the rows is not seen in an empty shadow"}}),
	judgedScenario("a migration that takes its time", Options{}, nil, Judged{Name: "tours/0002_size", Class: "c", Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}, {"tours_journal", "SHARE"}},
		Rewrites: []Table{{Name: "tours_tour", Rows: 300_000, Bytes: 900 << 20, Known: true}}, Scans: []Table{{Name: "tours_journal", Rows: -1}}}),
	judgedScenario("a migration of which its user knows better", Options{Migrations: MigrationsCompatible}, nil, Judged{Name: "tours/0002_title", Class: "b",
		BreaksOld: []string{"tours_tour.name is not there, which tours.Tour reads"}, Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}}),
	judgedScenario("migrations that turn out not to be due", Options{}, nil),
	byItself(judgedScenario("an image that migrates whenever a container starts", Options{}, nil, Judged{Name: "tours/0002_price", Class: ClassSafe,
		Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}})),
	onlyRead(judgedScenario("a migration whose statements were only read", Options{}, []string{"api", "worker"}, Judged{Name: "tours/0002_no_size", Class: "bd",
		BreaksOld: []string{`ALTER TABLE "tours_tour" DROP COLUMN "size": the old code fails if it uses it`}, Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}},
		Irreversible: []string{`ALTER TABLE "tours_tour" DROP COLUMN "size": its values are gone`}})),
	byJob(judgedScenario("a migration that a job does and that breaks what runs", Options{}, []string{"api", "worker"}, Judged{Name: "tours/0002_title", Class: "b",
		BreaksOld: []string{"tours_tour.name is not there, which tours.Tour reads"}, Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}})),
	byJob(judgedScenario("a migration that a job does and that only adds", Options{}, nil, Judged{Name: "tours/0002_price", Class: ClassSafe,
		Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}})),
	byJob(judgedScenario("a migration that a job does and that is not understood", Options{}, nil, Judged{Name: "tours/0002_respell", Class: ClassUnknown,
		Unknown: []string{"its code reads tours_tour"}})),
	{
		name: "restart in place",
		services: []project.Service{web("api"), with(web("shop"), func(s *project.Service) { s.Route.Path, s.Replicas = "/shop", 2 }),
			with(web("hup"), func(s *project.Service) { s.Route.Path, s.Reload = "/hup", &project.Reload{Signal: "HUP"} }),
			with(plain("worker", project.RoleWorker), func(s *project.Service) { s.Quiesce = []string{"cancel"} })},
		running: []Container{now("api", 1), now("shop", 1), now("shop", 2), now("hup", 1), now("worker", 1)}, routed: []string{"api", "shop", "hup"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyReload}, covered: []string{"api", "shop", "hup"}, singles: []string{"api", "hup", "worker"},
	},
	{
		name:     "nginx between the port and the socket",
		services: []project.Service{between, with(web("api"), onSocket)},
		running:  []Container{up("nginx", 1), up("api", 1)}, routed: []string{"nginx", "api"}, socket: "/run/gapless/shop.sock",
		release: &Release{Number: 7}, covered: []string{"nginx", "api"},
	},
	{
		name:     "nginx between, all at once",
		services: []project.Service{between, with(web("api"), onSocket)},
		running:  []Container{up("nginx", 1), up("api", 1)}, routed: []string{"nginx", "api"}, socket: "/run/gapless/shop.sock",
		release: &Release{Number: 7}, options: Options{Strategy: StrategyBlueGreen}, covered: []string{"nginx", "api"}, memory: 4 << 30,
	},
	{
		name:     "nginx comes between",
		services: []project.Service{between, with(web("api"), onSocket)},
		running:  []Container{up("api", 1)}, routed: []string{"api"}, routedAs: []string{":80"}, socket: "/run/gapless/shop.sock",
		release: &Release{Number: 7}, covered: []string{"api"},
	},
	{
		name:     "nginx comes between and is bad",
		services: []project.Service{with(web("api"), onSocket), between},
		running:  []Container{now("api", 1)}, routed: []string{"api"}, routedAs: []string{":80"}, socket: "/run/gapless/shop.sock",
		release: &Release{Number: 7}, covered: []string{"api"}, bad: "nginx",
	},
	{
		name: "behind nginx without the edge",
		services: []project.Service{with(plain("api", project.RoleWeb), func(s *project.Service) { s.NamedBy, s.HTTPPort, s.DependsOn = "nginx", 8000, nil }),
			with(plain("nginx", project.RoleFront), func(s *project.Service) { s.Image, s.DependsOn = "nginx:1.29", []string{"api"} })},
		running: []Container{up("api", 1), now("nginx", 1)},
		release: &Release{Number: 7},
	},
	{
		name:     "nginx passes on by itself",
		services: []project.Service{nginx, web("api"), with(web("shop"), func(s *project.Service) { s.Replicas = 2 }), plain("worker", project.RoleWorker)},
		running:  []Container{front("nginx"), up("api", 1), up("shop", 1), up("shop", 2), up("worker", 1)}, native: "nginx", routed: []string{"api", "shop"},
		release: &Release{Number: 7}, covered: []string{"api", "shop"}, singles: []string{"nginx"},
	},
	{
		name:     "nginx begins to pass on by itself",
		services: []project.Service{nginx, web("api"), web("shop")},
		running:  []Container{front("nginx"), now("api", 1), up("shop", 1)}, native: "nginx",
		release: &Release{Number: 7}, singles: []string{"nginx", "api"},
	},
	{
		name:     "nginx is yet to be mounted",
		services: []project.Service{mounted, web("api"), with(web("shop"), func(s *project.Service) { s.Replicas = 2 }), web("later")},
		running:  []Container{unmounted, now("api", 1), now("shop", 1), now("shop", 2)}, native: "nginx", begins: true,
		release: &Release{Number: 7}, options: Options{Named: []string{"nginx"}}, singles: []string{"nginx"},
	},
	{
		name:     "nginx is yet to be mounted, and the application changed too",
		services: []project.Service{mounted, web("api"), plain("worker", project.RoleWorker)},
		running:  []Container{unmounted, up("api", 1), up("worker", 1)}, native: "nginx", begins: true,
		release: &Release{Number: 7}, options: Options{Named: []string{"nginx"}}, singles: []string{"nginx"},
	},
	{
		name:     "nginx is yet to be mounted and is bad",
		services: []project.Service{mounted, web("api")},
		running:  []Container{unmounted, now("api", 1)}, native: "nginx", begins: true, bad: "nginx",
		release: &Release{Number: 7}, singles: []string{"nginx"},
	},
	{
		name:     "nginx is yet to be mounted again",
		services: []project.Service{mounted, web("api"), web("shop")},
		running:  []Container{unmounted, now("api", 1), now("shop", 1)}, native: "nginx", routed: []string{"shop"}, begins: true,
		release: &Release{Number: 7}, singles: []string{"nginx"},
	},
	{
		name:     "nginx has no port and is yet to be mounted",
		services: []project.Service{with(mounted, func(s *project.Service) { s.HostPorts = nil }), web("api")},
		running:  []Container{unmounted, now("api", 1)}, native: "nginx", begins: true,
		release: &Release{Number: 7},
	},
	{
		name:     "nginx is yet to be mounted, in place of the edge's socket",
		services: []project.Service{mounted, web("api")},
		running:  []Container{unmounted, now("api", 1)}, native: "nginx", begins: true, former: "/run/gapless/shop.sock",
		release: &Release{Number: 7}, singles: []string{"nginx"},
	},
	{
		name:     "nginx is yet to be mounted, and takes its port from the edge",
		services: []project.Service{mounted, web("api")},
		running:  []Container{unmounted, now("api", 1)}, native: "nginx", begins: true, former: "0.0.0.0:80",
		release: &Release{Number: 7}, singles: []string{"nginx"},
	},
	{
		name:     "nginx is mounted and changes with the application",
		services: []project.Service{mounted, web("api")},
		running:  []Container{with(unmounted, func(c *Container) { c.Binds = map[string]string{"/etc/nginx/upstreams": "upstreams"} }), up("api", 1)}, native: "nginx", routed: []string{"api"},
		release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx"},
	},
	{
		name:     "nginx passes on in place of the edge's socket",
		services: []project.Service{nginx, web("api")},
		running:  []Container{front("nginx"), up("api", 1)}, native: "nginx", former: "/run/gapless/shop.sock",
		release: &Release{Number: 7}, singles: []string{"nginx"},
	},
	{
		name:     "nginx takes its port from the edge",
		services: []project.Service{with(nginx, func(s *project.Service) { s.DependsOn = []string{"api"} }), web("api")},
		running:  []Container{now("api", 1)}, native: "nginx", routed: []string{"api"}, former: "0.0.0.0:80",
		release: &Release{Number: 7}, singles: []string{"api"},
	},
	{
		name:     "nothing but routes that the edge still has",
		services: []project.Service{nginx, web("api")},
		running:  []Container{front("nginx"), now("api", 1)}, native: "nginx", routed: []string{"api"}, former: "/run/gapless/shop.sock",
		release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx", "api"},
	},
	{
		name:     "nginx passes on to a bad version",
		services: []project.Service{nginx, web("api"), with(web("shop"), func(s *project.Service) { s.DependsOn = []string{"api"} })},
		running:  []Container{front("nginx"), up("api", 1), up("shop", 1)}, native: "nginx", routed: []string{"api", "shop"},
		release: &Release{Number: 7}, covered: []string{"api", "shop"}, singles: []string{"nginx"}, bad: "shop",
	},
	{
		name:     "nginx passes on to what exists once",
		services: []project.Service{nginx, with(web("api"), func(s *project.Service) { s.ContainerName = "shop-api-1" })},
		running:  []Container{front("nginx"), up("api", 1)}, native: "nginx", routed: []string{"api"},
		release: &Release{Number: 7}, singles: []string{"nginx", "api"},
	},
	{
		name:     "nginx passes on by itself, quick",
		services: []project.Service{nginx, web("api")},
		running:  []Container{front("nginx"), up("api", 1)}, native: "nginx", routed: []string{"api"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyQuick}, singles: []string{"nginx", "api"},
	},
	{
		name:     "nginx passes on by itself, blue-green",
		services: []project.Service{nginx, web("api"), web("shop")},
		running:  []Container{front("nginx"), up("api", 1), up("shop", 1)}, native: "nginx", routed: []string{"api", "shop"},
		release: &Release{Number: 7}, options: Options{Strategy: StrategyBlueGreen}, covered: []string{"api", "shop"}, singles: []string{"nginx"}, memory: 4 << 30,
	},
	{
		name:     "nginx's files changed",
		services: []project.Service{nginx, with(web("api"), onSocket)},
		running:  []Container{front("nginx"), now("api", 1)}, routed: []string{"api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/conf.d"}}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx", "api"},
	},
	{
		name:     "files of an nginx between, and a new api",
		services: []project.Service{between, with(web("api"), onSocket)},
		running:  []Container{front("nginx"), up("api", 1)}, routed: []string{"nginx", "api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/conf.d"}}, release: &Release{Number: 7}, covered: []string{"nginx", "api"}, singles: []string{"nginx"},
	},
	{
		name:     "files that name a service which is not there yet",
		services: []project.Service{nginx, with(web("api"), onSocket), with(web("shop"), func(s *project.Service) { s.Route.Path = "/shop" })},
		running:  []Container{front("nginx"), now("api", 1)}, routed: []string{"api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/conf.d"}}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx", "api"},
	},
	{
		name:     "nginx's files do not pass their test",
		services: []project.Service{nginx, with(web("api"), onSocket)},
		running:  []Container{front("nginx"), up("api", 1)}, routed: []string{"api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/conf.d"}}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx"}, failing: "nginx",
	},
	{
		name:     "nginx keeps what it read before",
		services: []project.Service{nginx, with(web("api"), onSocket)},
		running:  []Container{front("nginx"), up("api", 1)}, routed: []string{"api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/conf.d"}}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx"}, bad: "nginx",
	},
	{
		name:     "a single file was replaced",
		services: []project.Service{nginx, with(web("api"), onSocket)},
		running:  []Container{front("nginx"), now("api", 1)}, routed: []string{"api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/nginx.conf"}}, stale: []string{"/etc/nginx/nginx.conf"}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx", "api"},
	},
	{
		name:     "a single file of an nginx between was replaced",
		services: []project.Service{between, with(web("api"), onSocket)},
		running:  []Container{front("nginx"), now("api", 1)}, routed: []string{"nginx", "api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/nginx.conf"}}, stale: []string{"/etc/nginx/nginx.conf"}, release: &Release{Number: 7}, covered: []string{"nginx", "api"}, singles: []string{"api"},
	},
	{
		name:     "a template of nginx changed",
		services: []project.Service{nginx, with(web("api"), onSocket)},
		running:  []Container{front("nginx"), now("api", 1)}, routed: []string{"api"}, socket: "/run/gapless/shop.sock",
		files: map[string][]string{"nginx": {"/etc/nginx/templates"}}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"nginx", "api"},
	},
	{
		name:     "files of a service that reloads by a signal",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Reload = &project.Reload{Signal: "HUP"} })},
		running:  []Container{now("api", 1)}, routed: []string{"api"},
		files: map[string][]string{"api": {"/etc/api.conf"}}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"api"},
	},
	{
		name:     "a file of what exists once was replaced",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.ContainerName, s.Reload = "shop-api-1", &project.Reload{Signal: "HUP"} })},
		running:  []Container{now("api", 1)}, routed: []string{"api"},
		files: map[string][]string{"api": {"/etc/api.conf"}}, stale: []string{"/etc/api.conf"}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"api"},
	},
	{
		name:     "a single file was replaced, in place",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Reload = &project.Reload{Signal: "HUP"} })},
		running:  []Container{now("api", 1)}, routed: []string{"api"}, options: Options{Strategy: StrategyReload},
		files: map[string][]string{"api": {"/etc/api.conf"}}, stale: []string{"/etc/api.conf"}, release: &Release{Number: 7}, covered: []string{"api"}, singles: []string{"api"},
	},
	{
		name: "a front moves to the socket",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.NamedBy = "nginx" }),
			with(plain("nginx", project.RoleFront), func(s *project.Service) {
				s.DependsOn, s.HostPorts = []string{"api"}, []project.Port{{Host: 80, Container: 80, Protocol: "tcp"}}
			})},
		running: []Container{up("api", 1), up("nginx", 1)}, ports: map[int]string{80: "shop-nginx-1"}, singles: []string{"nginx"},
	},
	{
		name:     "first run",
		services: []project.Service{plain("db", project.RoleStateful), web("api"), plain("beat", project.RoleScheduler)},
	},
	{
		name:     "a database that was named",
		services: []project.Service{plain("db", project.RoleStateful), with(web("api"), func(s *project.Service) { s.DependsOn = []string{"db"} })},
		running:  []Container{up("db", 1), up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 5}, options: Options{Named: []string{"db"}}, covered: []string{"api"}, singles: []string{"db"},
	},
	{
		name:     "source to build",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Build, s.Hooks = true, []string{"pre_start", "pre_stop"} })},
		running:  []Container{up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 5}, covered: []string{"api"},
	},
	{
		name:     "fewer replicas",
		services: []project.Service{with(web("api"), func(s *project.Service) { s.Replicas = 1 })},
		running:  []Container{up("api", 1), up("api", 2)}, routed: []string{"api"},
		release: &Release{Number: 5}, covered: []string{"api"},
	},
	{
		name:     "a route that was taken away",
		services: []project.Service{plain("api", project.RoleWorker)},
		running:  []Container{up("api", 1)}, routed: []string{"api"},
		release: &Release{Number: 5},
	},
}

// withData goes back to release 6 with two databases, one of which is not there
// any more.
func withData(s scenario) scenario {
	for _, service := range s.services {
		if service.Role != project.RoleJob {
			s.singles = append(s.singles, service.Name)
		}
		if service.Role == project.RoleWeb {
			s.covered = append(s.covered, service.Name)
		}
	}
	s.release = &Release{Number: 7}
	s.options = Options{BackTo: 6, Cause: "back to release 6", Restore: &Restore{Service: "db", Backup: "20260102-030405-abcd", Bytes: 900 << 20, Takes: 40 * time.Second,
		Databases: []Exchanged{{Name: `o"ne`, Fresh: "gapless_restore_r8_1", Kept: `o"ne_before_r8`}, {Name: "gone", Fresh: "gapless_restore_r8_2"}}}}
	return s
}

// dropsSize is a migration that the new version can wait for.
var dropsSize = Judged{Name: "tours/0004_no_size", Class: "bd", BreaksOld: []string{"tours_tour.size is not there, which tours.Tour reads"},
	Locks: []TableLock{{"tours_tour", "ACCESS EXCLUSIVE"}}, Irreversible: []string{`ALTER TABLE "tours_tour" DROP COLUMN "size": its values are gone`}}

// survivable is a migration whose old version is the one that does without.
func survivable(m Judged) Judged {
	m.Class, m.BreaksOld = "d", nil
	return m
}

// framed lets the commands of the API be those of its framework.
func framed(s scenario) scenario {
	for i := range s.services {
		if api := &s.services[i]; len(api.Migrate) > 0 {
			api.Framework, api.FrameworkCommand, api.Migrate = project.FrameworkDjango, []string{"manage.py"}, []string{"manage.py", "migrate", "--noinput"}
		}
	}
	return s
}

// leftWaiting has a release that left a migration waiting.
func leftWaiting(s scenario) scenario {
	s.release.Waiting = []Waiting{{Service: "api", Names: []string{"tours/0004_no_size"}, Since: 6}}
	return s
}

// contracted runs what waits, with the image that runs.
func contracted(s scenario) scenario {
	s.contract = true
	for i := range s.running {
		s.running[i].ImageID = newImage
	}
	return leftWaiting(framed(s))
}

// onlyRead has no shadow.
func onlyRead(s scenario) scenario {
	s.judged.Source, s.judged.Compared, s.judged.Untraced = JudgedBySQL, false, "its database db.example is no running Postgres of this project"
	return s
}

// guardedScenario has the database on which the migrations work.
func guardedScenario(s scenario) scenario {
	s.judged.Database = &shopDatabase
	return s
}

// byItself lets the image migrate too.
func byItself(s scenario) scenario {
	s.judged.ByItself = true
	return s
}

// byJob lets a job of the compose file migrate.
func byJob(s scenario) scenario {
	s.services = append([]project.Service{with(plain("migratejob", project.RoleJob), func(s *project.Service) { s.Restart, s.Build, s.Image = "no", true, "app:latest" })}, s.services...)
	api := &s.services[1]
	api.Migrate, api.MigratedBy, api.DependsOn = nil, "migratejob", []string{"migratejob"}
	return s
}

// judgedScenario is an update whose migrations were judged.
func judgedScenario(name string, options Options, singles []string, migrations ...Judged) scenario {
	judged := &Judgement{Source: JudgedByTrace, Compared: true, Migrations: migrations}
	return scenario{name: name, judged: judged, options: options, singles: singles,
		services: []project.Service{with(web("api"), django), with(plain("worker", project.RoleWorker), shares)},
		running:  []Container{up("api", 1), up("worker", 1)}, routed: []string{"api"}, was: source("1", "1"), is: source("2", "1", "tours/0002_a_file"),
		release: &Release{Number: 7}, covered: []string{"api"}}
}

// mountsOf gives mounted files a content.
func mountsOf(targets []string, content string) map[string]string {
	mounts := map[string]string{}
	for _, target := range targets {
		mounts[target] = content
	}
	return mounts
}

// source is a build context whose parts have the given versions.
func source(code, static string, migrations ...string) *change.Source {
	return &change.Source{Hash: code + static + fmt.Sprint(migrations), Settings: "s", Migrations: migrations,
		Parts: map[change.Part]string{change.PartCode: code, change.PartStatic: static}}
}

// django is a service that its framework gives commands to.
func django(s *project.Service) {
	s.Build, s.Image = true, "app:latest"
	s.Checks = [][]string{{"manage.py", "check"}}
	s.Migrate, s.Static = []string{"manage.py", "migrate"}, []string{"manage.py", "collectstatic"}
	s.StaticTarget = "/app/static"
}

// between is an nginx that has the edge's port and passes requests on to its
// socket.
var between = with(plain("nginx", project.RoleFront), func(s *project.Service) {
	s.Route = &project.Route{Port: 80, Path: "/", HealthPath: "/nginx-health", On: project.ListenerHTTP}
	s.Nginx = true
})

// nginx is one that owns the public port.
var nginx = with(plain("nginx", project.RoleFront), func(s *project.Service) {
	s.HostPorts, s.Nginx = []project.Port{{Host: 80, Container: 80, Protocol: "tcp"}}, true
})

// mounted is one that has the directory of its upstreams.
var mounted = with(nginx, func(s *project.Service) {
	s.Volumes = []project.Volume{{Kind: project.VolumeBind, Source: "upstreams", Target: "/etc/nginx/upstreams"}}
	s.DependsOn = []string{"api"}
})

// unmounted runs without it.
var unmounted = with(front("nginx"), func(c *Container) { c.ConfigHash = "without the mount" })

// front is the running nginx of a service.
func front(serviceName string) Container {
	c := now(serviceName, 1)
	c.Entrypoint, c.Command = []string{"/docker-entrypoint.sh"}, []string{"nginx", "-g", "daemon off;"}
	return c
}

func onSocket(s *project.Service) { s.Route.On = project.ListenerSocket }

// shares is a service that runs the image of another one.
func shares(s *project.Service) { s.Build, s.Image = true, "app:latest" }

// build makes the world of the scenario and the plan for it.
func (s scenario) build() (*world, Plan, error) {
	w := newWorld()
	w.singles, w.room = s.singles, s.room
	p := &project.Project{Name: "shop", Services: s.services, Settings: project.Settings{Edge: project.EdgeSettings{HTTP: ":80"}}}
	p.Settings.Edge.Socket = s.socket
	if s.native != "" {
		p.Settings = project.Settings{Front: project.FrontSettings{Service: s.native, Upstreams: "upstreams"}}
	}
	state := State{Images: map[string]Image{}, ConfigHashes: map[string]string{}, Routes: map[string]RouteState{}, Capacity: Capacity{s.memory, s.groups, s.server, s.disk}, Processors: s.cpus, TakenPorts: s.ports, Release: s.release, Backup: s.backup}
	w.mustBackUp = s.backup != nil
	w.restored.watched = s.options.Restore != nil
	if s.was == nil {
		s.was = &change.Source{Hash: "old", Settings: "s"}
	}
	if s.is == nil {
		s.is = &change.Source{Hash: "new", Settings: "s", Parts: map[change.Part]string{change.PartCode: "new"}}
	}
	wanted, running := map[string]change.Wanted{}, map[string][]change.Running{}
	for _, service := range s.services {
		w.wanted[service.Name], w.references[service.Name] = newImage, service.Image
		w.tags[service.Image] = newImage
		if service.Build {
			w.tags[service.Image] = oldImage
		}
		state.Images[service.Name] = Image{Reference: service.Image, ID: w.tags[service.Image]}
		wanted[service.Name] = change.Wanted{Image: service.Image, ImageID: w.tags[service.Image], ConfigHash: "hash", Source: s.is, Mounts: mountsOf(s.files[service.Name], "new")}
	}
	for _, c := range s.running {
		made := w.add(c)
		w.first++
		state.Containers = append(state.Containers, *made)
		running[c.Service] = append(running[c.Service], change.Running{Name: c.Name, Image: w.reference(c.Service), ImageID: c.ImageID, ConfigHash: c.ConfigHash, Source: s.was, Up: c.Running,
			Mounts: mountsOf(s.files[c.Service], "old"), Stale: s.stale})
	}
	for _, name := range s.routed {
		route := RouteState{Listeners: []string{":80"}, Path: "/", Port: 8000}
		if service, ok := p.Service(name); ok && service.Route != nil && s.routedAs == nil {
			route.Path, route.Listeners = service.Route.Path, p.Settings.Edge.Addresses(service.Route.On)
			if s.native != "" {
				route = RouteState{Port: 8000}
			}
		} else if s.routedAs != nil {
			route.Listeners = s.routedAs
		}
		var targets []RouteTarget
		for _, c := range state.ContainersOf(name) {
			ref := TargetRef{Container: c.Name, Generation: "old", Weight: 1}
			route.Targets = append(route.Targets, ref)
			targets = append(targets, RouteTarget{ref, c.Address() + ":8000"})
		}
		w.routes[name] = fakeRoute{route, targets}
		state.Routes[name] = route
	}
	if s.bad != "" {
		w.unhealthy[s.bad] = true
	}
	if s.begins {
		w.beginsWith(p)
	}
	w.covered = s.covered
	if s.former != "" {
		state.FormerRoutes = map[string]RouteState{"api": {Listeners: []string{s.former}, Path: "/", Port: 8000, Targets: []TargetRef{{Container: "shop-api-1", Generation: "old", Weight: 1}}}}
		w.former["api"] = fakeRoute{state: state.FormerRoutes["api"]}
	}
	if s.judged != nil {
		state.Judgements, state.Pending = map[string]*Judgement{"api": s.judged}, map[string][]string{"api": s.judged.Names()}
		state.Built = map[string]string{"api": newImage}
	}
	plan, err := Make(state, p, change.Detect(p, wanted, running), s.options)
	if s.contract {
		plan, err = Contract(state, p, s.options)
	}
	if s.steps != nil {
		plan.Phases = []Phase{{PhaseShift, s.steps}, {PhaseCommit, []Step{&RecordStep{Release: plan.To}}}}
	}
	w.failing[s.failing], w.taskTime = true, s.taskTime
	if s.prepare != nil {
		s.prepare(w.database)
	}
	if s.traffic != nil {
		s.traffic(w)
	}
	return w, plan, err
}
