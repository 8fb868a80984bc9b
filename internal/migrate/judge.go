package migrate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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
	// Databases are the Postgres servers of the project that run.
	Databases []Database
	Untraced  string            // why no shadow shall be made; empty: one shall
	Cache     Cache             // nil: none
	Say       func(text string) // what takes time
}

// Database is a server of the project.
type Database struct{ Service, Container string }

// cacheFormat changes when a report means something else.
const cacheFormat = "1"

// Judge finds out what the migrations of a service do.
func Judge(ctx context.Context, lab Laboratory, request Request) (Report, error) {
	if request.Service.Framework == project.FrameworkDjango && len(request.Service.FrameworkCommand) > 0 {
		return judgeDjango(ctx, lab, request)
	}
	return judgeDeclared(ctx, lab, request)
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

func counted(n int) string {
	if n == 1 {
		return "1 migration"
	}
	return fmt.Sprintf("%d migrations", n)
}

// trace makes the shadow, lets the migrate command of the new image work on it,
// and meanwhile does what does not need it.
func trace(ctx context.Context, lab Laboratory, r Request, s schema, of string, meanwhile func(*trial) error) (found traced, failed, err error) {
	t, err := openTrial(ctx, lab, r.Project, r.Run, of, s)
	if err != nil {
		return found, nil, err
	}
	done := make(chan error, 1)
	go func() { done <- meanwhile(t) }()
	err = t.await(ctx)
	if err == nil {
		err = t.load(ctx)
	}
	if err := errors.Join(err, <-done); err != nil {
		return found, nil, err
	}
	return t.migrate(ctx, update.CreateSpec{Service: r.Service.Name, ImageID: r.NewImage, Command: r.Service.Migrate})
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
func (r Request) key(names []string, s schema) string {
	sum := sha256.New()
	write := func(text string) { fmt.Fprintf(sum, "%d:%s", len(text), text) }
	write(cacheFormat)
	write(r.OldImage)
	write(r.NewImage)
	write(strings.Join(r.Service.Migrate, "\x00"))
	for _, name := range names {
		write(name)
	}
	write(s.hash())
	// Which tables are empty decides what a program that reads them may do.
	for _, name := range sortedNames(s.sizes) {
		write(fmt.Sprint(name, s.sizes[name].Bytes > 0))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func sortedNames(sizes map[string]update.Table) []string {
	var names []string
	for name := range sizes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
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
