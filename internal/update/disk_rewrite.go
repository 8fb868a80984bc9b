package update

import (
	"fmt"
	"slices"
	"strings"
)

// rewritesFit refuses migrations that write tables anew on a disk that has no room
// for them twice: a full disk stops the database. Until a rewrite is committed the
// old table is there as well, with its indexes.
func (p *Planner) rewritesFit() error {
	for _, m := range p.plan.Migrations {
		judged := p.state.Judgements[m.Service]
		if judged == nil {
			continue
		}
		for _, one := range judged.Migrations {
			if !slices.Contains(m.Names, one.Name) || len(one.Rewrites) == 0 {
				continue
			}
			if err := p.rewriteFits(m.Service, one, judged.Free); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Planner) rewriteFits(serviceName string, m Judged, free int64) error {
	var need int64
	var names []string
	for _, t := range m.Rewrites {
		need += t.Whole
		names = append(names, t.Name)
	}
	if need == 0 {
		return nil
	}
	tables := strings.Join(names, ", ")
	if free == 0 {
		p.note(serviceName, false, "%s writes %s anew and needs %s on the disk of the database until it is done; how much is free there is not known", m.Name, tables, BytesText(need))
		return nil
	}
	figures := fmt.Sprintf("%s writes %s anew and needs %s until it is done, with its indexes, and as much again for the log of the database where that is kept: %s are free on its disk", m.Name, tables, BytesText(need), BytesText(free))
	switch left := free - need; {
	case left < diskReserve:
		return &RefusedError{Reason: figures + ", of which " + BytesText(diskReserve) + " stay in reserve", Instead: "make room there, or change the column in steps: a new one beside it, filled in parts"}
	case left < need+DiskTight:
		p.note(serviceName, false, "the disk gets tight: %s", figures)
	default:
		p.note(serviceName, false, "%s", figures)
	}
	return nil
}
