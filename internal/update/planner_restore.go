package update

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gapless/internal/change"
	"gapless/internal/project"
)

// Restore is the backup that a rollback puts in the place of the database. It was
// checked already.
type Restore struct {
	Service   string // the database
	Backup    string
	Databases []Exchanged
	Bytes     int64         // of the databases when they were dumped
	Takes     time.Duration // what its proof took, which is the same work
}

// stopWriters has everything replaced that may write to the database: also what
// the release leaves as it is stops for the exchange. What belongs to no service
// is not started again, and nobody knows what it would do to the older schema.
func (p *Planner) stopWriters() error {
	if p.options.Restore == nil {
		return nil
	}
	for _, s := range p.project.Services {
		containers := p.state.ContainersOf(s.Name)
		if len(containers) == 0 || !writes(s) {
			continue
		}
		c := p.changes[s.Name]
		c.Service = s.Name
		c.Causes = append(slices.Clone(c.Causes), change.Cause{Kind: change.KindData, Words: "its data goes back"})
		c.Keep = nil
		c.Replace = nil
		for _, one := range containers {
			if !slices.Contains(c.Surplus, one.Name) {
				c.Replace = append(c.Replace, one.Name)
			}
		}
		p.changes[s.Name] = c
	}
	return p.checkStrangers()
}

// writes tells services that may write to a database from those that only pass
// requests on, hold data themselves, or have ended.
func writes(s project.Service) bool {
	return slices.Contains([]project.Role{project.RoleWeb, project.RoleWorker, project.RoleScheduler}, s.Role)
}

// checkStrangers refuses where a container runs that the release does not know.
func (p *Planner) checkStrangers() error {
	var names []string
	for _, c := range p.state.Containers {
		if _, known := p.project.Service(c.Service); !known && c.Running {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	list := strings.Join(names, " ")
	return &RefusedError{Reason: fmt.Sprintf("%s belongs to no service of release %d, and could write while the databases are exchanged", strings.Join(names, ", "), p.options.BackTo),
		Instead: "docker stop " + list + ", then again"}
}

// fill plans the restore beside the databases of today, while everything serves.
func (p *Planner) fill() []Step {
	r := p.options.Restore
	if r == nil {
		return nil
	}
	detail := fmt.Sprintf("from backup %s into a database beside that of today, and compared", r.Backup)
	if r.Takes > 0 {
		detail += fmt.Sprintf(", about %s and %s by its proof", BytesText(r.Bytes), DurationText(r.Takes))
	}
	return []Step{&FillStep{Service: r.Service, Backup: r.Backup, Databases: r.Databases, Detail: detail, Takes: r.Takes}}
}

// exchange plans the moment from which the data of before is there: nobody of
// the project is connected.
func (p *Planner) exchange() {
	r := p.options.Restore
	if r == nil {
		return
	}
	p.shift = append(p.shift, &ExchangeStep{Service: r.Service, Backup: r.Backup, Databases: r.Databases})
	p.note(r.Service, false, "whoever else is connected to it, as a psql, is cut off at the exchange")
}
