package update

import (
	"fmt"
	"slices"
	"strings"
)

// noteJudgement says what the user should know of migrations before they run.
func (p *Planner) noteJudgement(m migration) {
	name, judged := m.service.Name, m.judged
	if judged == nil || !p.running(m.service) {
		return
	}
	if judged.Untraced != "" {
		p.note(name, false, "its migrations were judged by their statements alone: %s", judged.Untraced)
	}
	if judged.ByItself {
		p.note(name, false, "its image migrates whenever a container of it starts, also one for a check or a question, and so before what runs now has stopped")
	}
	if found := judged.Verdict(); p.options.Migrations == MigrationsCompatible && found == MigrationsBreaking {
		p.note(name, false, "--migrations compatible overrules what was found out: %s", judged.why(func(j Judged) []string { return j.BreaksOld }))
	}
	if _, others := judged.first(); others && m.verdict == MigrationsBreaking && p.options.Migrations == "" && !p.startsMigrating(m.service) {
		p.note(name, false, "%s could wait until the new version serves alone, which does without: deploy the code first and the migration after it, and no request waits", breaking(judged))
	}
	for _, one := range judged.Migrations {
		p.noteSlow(name, one)
		for _, why := range one.Irreversible {
			advice := "; make a backup before"
			if p.backsUp() {
				advice = ""
			}
			p.note(name, false, "%s cannot be undone: %s%s", one.Name, why, advice)
		}
	}
}

// noteJob says what is known of migrations that a job of the compose file runs,
// where jobs have their place in the plan.
func (p *Planner) noteJob(m migration) {
	p.plan.Migrations = append(p.plan.Migrations, Migrated{Service: m.service.Name, Names: m.names, Verdict: m.verdict, By: m.service.MigratedBy})
	p.note(m.service.Name, false, "%s, by %s: %s", m.words(), m.service.MigratedBy, m.judged.Words())
	if m.verdict == "" {
		p.note(m.service.Name, false, "%s, and old and new run together all the same; --migrations breaking keeps them apart", whyUnknown(m))
	}
	if m.verdict != MigrationsCompatible {
		p.note(m.service.Name, false, "%s: what is done to the data stays if the update is undone", m.words())
	}
	p.noteJudgement(m)
}

// noteSlow says what whoever uses a table has to wait for.
func (p *Planner) noteSlow(serviceName string, m Judged) {
	if !strings.Contains(m.Class, "c") {
		return
	}
	for _, act := range []struct {
		verb   string
		tables []Table
	}{{"rewrites", m.Rewrites}, {"reads all of", m.Scans}} {
		for _, t := range act.tables {
			p.note(serviceName, false, "%s %s %s%s", m.Name, act.verb, t, meanwhile(m.Locks, t.Name))
		}
	}
}

// meanwhile says who waits for a lock on the table.
func meanwhile(locks []TableLock, table string) string {
	at := slices.IndexFunc(locks, func(l TableLock) bool { return l.Table == table })
	if at < 0 {
		return ""
	}
	who := "nobody waits for that"
	switch rank := lockRank(locks[at].Lock); {
	case rank == lockRank("ACCESS EXCLUSIVE"):
		who = "readers and writers wait meanwhile"
	case rank >= lockRank("SHARE"):
		who = "writers wait meanwhile"
	}
	return fmt.Sprintf(" under %s: %s", locks[at].Lock, who)
}

// breaking lists the migrations that what runs now does not survive.
func breaking(j *Judgement) string {
	var names []string
	for _, m := range j.Migrations {
		if len(m.BreaksOld) > 0 {
			names = append(names, m.Name)
		}
	}
	return strings.Join(names, ", ")
}
