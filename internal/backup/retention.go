package backup

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy says how many backups stay: the newest, and beyond them the newest of
// each week and month.
type Policy struct {
	Newest  int
	Weekly  int
	Monthly int
}

// DefaultPolicy is that of a project that says nothing.
var DefaultPolicy = Policy{Newest: 7, Weekly: 4, Monthly: 6}

// fewest is how many proven backups always stay.
const fewest = 3

// Pruning is what retention would do.
type Pruning struct {
	Remove []Stored
	Kept   map[string]string // why each other one stays, by ID
	// Refused is why nothing is removed at all; empty: nothing speaks against it.
	Refused string
}

// Prune decides which backups go. It is careful: what is unclear removes
// nothing, and so does a clock or a schedule that seems to be wrong, because
// then the rest would be old.
func Prune(all []Stored, policy Policy, needed map[string]bool, now time.Time) Pruning {
	p := Pruning{Kept: map[string]string{}}
	var proven []Stored
	for _, one := range all {
		switch {
		case one.Problem != nil:
			p.Kept[one.ID] = "it cannot be read"
		case !one.Proven():
			p.Kept[one.ID] = "it is damaged: look at it and remove it yourself"
		default:
			proven = append(proven, one)
		}
	}
	slices.SortFunc(proven, func(a, b Stored) int { return b.Started.Compare(a.Started) })
	if p.Refused = refusal(proven, now); p.Refused != "" {
		return p
	}
	wanted := policy.choose(proven)
	for i, one := range proven {
		switch why := wanted[one.ID]; {
		case why != "":
			p.Kept[one.ID] = why
		case needed[one.ID] || needed[firstOf(one.ID)]:
			p.Kept[one.ID] = "a release needs it"
		case i < fewest:
			p.Kept[one.ID] = fmt.Sprintf("one of the newest %d", fewest)
		default:
			p.Remove = append(p.Remove, one)
		}
	}
	return p
}

// firstOf is the first backup of the run that made one.
func firstOf(id string) string {
	parts := strings.SplitN(id, "-", 4)
	return strings.Join(parts[:min(3, len(parts))], "-")
}

// choose gives those that the policy wants, newest first, with the reason.
func (p Policy) choose(proven []Stored) map[string]string {
	wanted := map[string]string{}
	for i, one := range proven {
		if i < p.Newest {
			wanted[one.ID] = fmt.Sprintf("one of the newest %d", p.Newest)
		}
	}
	newestOfEach := func(count int, unit string, of func(time.Time) string) {
		seen := map[string]bool{}
		for _, one := range proven {
			period := of(one.Started.UTC())
			if seen[period] || len(seen) == count {
				continue
			}
			seen[period] = true
			if wanted[one.ID] == "" {
				wanted[one.ID] = "the newest of its " + unit
			}
		}
	}
	newestOfEach(p.Weekly, "week", func(at time.Time) string {
		year, week := at.ISOWeek()
		return fmt.Sprint(year, week)
	})
	newestOfEach(p.Monthly, "month", func(at time.Time) string { return at.Format("2006-01") })
	return wanted
}

// clockTolerance is by how much clocks differ that are right.
const clockTolerance = 10 * time.Minute

// refusal is why nothing may be removed. proven is newest first.
func refusal(proven []Stored, now time.Time) string {
	if len(proven) == 0 {
		return "there is no proven backup"
	}
	newest := proven[0].Started
	if newest.After(now.Add(clockTolerance)) {
		return fmt.Sprintf("the clock says %s, and backup %s was begun later: one of the two is wrong", now.UTC().Format(time.DateTime), proven[0].ID)
	}
	var longest time.Duration
	for i := 1; i < min(len(proven), 8); i++ {
		longest = max(longest, proven[i-1].Started.Sub(proven[i].Started))
	}
	if age := now.Sub(newest); len(proven) > 1 && age > 2*longest+24*time.Hour {
		return fmt.Sprintf("the newest backup is %d days old, which is more than usual: make one first", int(age.Hours()/24))
	}
	return ""
}

// Prune removes what retention does not keep. Dry only says it.
func (m *Maker) Prune(dry bool) (Pruning, error) {
	all, err := m.Store.List()
	if err != nil {
		return Pruning{}, err
	}
	// Those of another service are not its successors.
	all = slices.DeleteFunc(all, func(one Stored) bool { return one.Problem == nil && m.belongs(one.Manifest) != nil })
	needed, err := m.Needed()
	if err != nil {
		return Pruning{}, err // any could be needed
	}
	pruning := Prune(all, m.Policy, needed, m.Now())
	if dry {
		return pruning, nil
	}
	for _, one := range pruning.Remove {
		if err := m.Store.remove(one.ID); err != nil {
			return pruning, fmt.Errorf("remove backup %s: %w", one.ID, err)
		}
	}
	return pruning, nil
}
