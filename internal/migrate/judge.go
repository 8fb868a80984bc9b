package migrate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gapless/internal/project"
	"gapless/internal/update"
)

// Request asks for a judgement of the migrations of one service.
type Request struct {
	Project  string
	Service  project.Service
	Run      string // names what is made
	OldImage string // that runs now
	NewImage string
	Settings string // a hash of the settings with which both run
	// Databases are the Postgres servers of the project that run.
	Databases []Database
	Untraced  string            // why no shadow shall be made; empty: one shall
	Cache     Cache             // nil: none
	Say       func(text string) // what takes time
}

// Database is a server of the project.
type Database struct{ Service, Container string }

// cacheFormat changes when a report means something else.
const cacheFormat = "3"

// Judge finds out what the migrations of a service do: in a shadow if one can be
// made, else by their statements alone.
func Judge(ctx context.Context, lab Laboratory, request Request) (Report, error) {
	run, read := runDeclared, declaredStatements
	if request.Service.Framework == project.FrameworkDjango && len(request.Service.FrameworkCommand) > 0 {
		run, read = runDjango, djangoStatements
	}
	defer clear(ctx, lab, request.Run)
	untraced := request.Untraced
	if untraced == "" {
		report, why, err := trace(ctx, lab, request, run)
		if err != nil || why == "" {
			return report, err
		}
		untraced = why
	}
	return read(ctx, lab, request, untraced)
}

// name is that of a container of the trial.
func (r Request) name(what string) string {
	return r.Project + "-" + r.Service.Name + "-" + what + "-" + r.Run
}

// spec is a one-off of the service.
func (r Request) spec(what string, imageID string, command []string) update.CreateSpec {
	return update.CreateSpec{Service: r.Service.Name, Name: r.name(what), Run: r.Run, ImageID: imageID, Command: command, Trial: true}
}

// clear removes what a trial made, also when it was interrupted.
func clear(ctx context.Context, lab Laboratory, run string) {
	_ = lab.Clear(context.WithoutCancel(ctx), run) // what stays is removed by the next trial
}

func parseSnapshots(lines []json.RawMessage) ([]snapshot, error) {
	var shots []snapshot
	for _, line := range lines {
		var one snapshot
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, fmt.Errorf("a catalog of the shadow is torn: %w", err)
		}
		shots = append(shots, one)
	}
	if len(shots) == 0 {
		return nil, errors.New("the shadow has no catalog")
	}
	return shots, nil
}

// key names what a report holds for.
func (r Request) key(s schema) string {
	sum := sha256.New()
	write := func(text string) { fmt.Fprintf(sum, "%d:%s", len(text), text) }
	write(cacheFormat)
	write(r.Settings)
	write(r.OldImage)
	write(r.NewImage)
	write(strings.Join(r.Service.Migrate, "\x00"))
	write(s.database)
	write(s.hash()) // with the migrations that have run
	// Which tables are empty decides what a program that reads them may do.
	for _, name := range slices.Sorted(maps.Keys(s.sizes)) {
		write(fmt.Sprint(name, s.sizes[name].Bytes > 0))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (r Request) cached(key string) (Report, bool) {
	if r.Cache == nil {
		return Report{}, false
	}
	content, found := r.Cache.Verdict(key)
	var report Report
	if !found || json.Unmarshal(content, &report) != nil {
		return Report{}, false
	}
	report.Cached = true
	return report, true
}

// keep saves a report before it is weighed: the sizes of tables change.
func (r Request) keep(key string, report Report) {
	if r.Cache == nil {
		return
	}
	content, err := json.Marshal(report)
	if err == nil {
		err = r.Cache.SaveVerdict(key, content)
	}
	if err != nil {
		r.Say("the verdict is not kept: " + err.Error())
	}
}

// inShadow runs the migrations against a shadow of a schema and judges what they
// did. It returns the schema of the database that they work on.
type inShadow func(ctx context.Context, lab Laboratory, r Request, s schema, of string, server update.PostgresServer) (Report, schema, error)

// trace has the migrations run in a shadow, unless that was done before. untraced
// is why that cannot be done.
func trace(ctx context.Context, lab Laboratory, r Request, run inShadow) (report Report, untraced string, err error) {
	if len(r.Databases) != 1 {
		return report, fmt.Sprintf("which of %d running Postgres of this project it works on is not known", len(r.Databases)), nil
	}
	of := r.Databases[0].Container
	server, err := lab.Server(ctx, of)
	if err != nil {
		return report, "", err
	}
	s, err := readSchema(ctx, lab, of, server, server.Database)
	if err != nil {
		return report, "the schema of the database cannot be read: " + err.Error(), ctx.Err()
	}
	key := r.key(s)
	works := func(s schema) *update.PostgresDatabase {
		return &update.PostgresDatabase{Container: of, User: server.User, Name: s.database}
	}
	if report, found := r.cached(key); found {
		report.Database = works(s)
		report.weigh(s.sizes)
		return report, "", nil
	}
	r.Say(fmt.Sprintf("running the migrations of %s in a shadow of %s, which touches nothing", r.Service.Name, of))
	report, s, err = run(ctx, lab, r, s, of, server)
	if err != nil {
		return report, "they do not run in a shadow of the database: " + err.Error(), ctx.Err()
	}
	r.keep(key, report)
	report.Database = works(s)
	report.weigh(s.sizes)
	return report, "", nil
}
