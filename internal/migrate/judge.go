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
