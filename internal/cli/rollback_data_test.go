package cli

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"gapless/internal/update"
)

// pastSession has releases 1 to 3, of which 2 and 3 migrated, on a store that has
// no backup any more.
func pastSession(t *testing.T, more ...update.Release) *session {
	t.Helper()
	store, lock := lockedStore(t)
	migrated := func(name string, irreversible ...string) []update.Migrated {
		return []update.Migrated{{Service: "api", Names: []string{name}, Verdict: update.MigrationsCompatible, Judged: true, Irreversible: irreversible}}
	}
	releases := append([]update.Release{
		{Number: 1}, {Number: 2, Migrated: migrated("tours/0002_price"), Backup: "b2"}, {Number: 3, Migrated: migrated("tours/0003_no_size", "its values are gone"), Backup: "b3"},
	}, more...)
	for i, release := range releases {
		release.Format, release.Project, release.Previous = update.ReleaseFormat, "shop", release.Number-1
		if i == 0 {
			release.Previous = 0
		}
		if err := lock.SaveRelease(release); err != nil {
			t.Fatal(err)
		}
	}
	s := backupSession(t, "keep: 3")
	s.store, s.lock, s.app = store, lock, &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	return s
}

// TestRollbackSaysWhatItCrosses: each migration that stays, whether it can be
// taken back, and the backup from before the first one.
func TestRollbackSaysWhatItCrosses(t *testing.T) {
	s := pastSession(t)
	found, err := s.past(t.Context(), update.Release{Number: 1})
	if err != nil || found.restore != nil {
		t.Fatal(err, found.restore)
	}
	want := []string{
		"the data stays as release 2 made it: migration tours/0002_price, which the release before survives; reversible, and best left as it is",
		"the data stays as release 3 made it: migration tours/0003_no_size, which the release before survives; irreversible: its values are gone",
		"backup b2, from before release 2, cannot be read: there is no backup",
	}
	for i, text := range want {
		if i >= len(found.words) || !strings.HasPrefix(found.words[i], text) {
			t.Errorf("%d: %q is not in %q", i, text, found.words)
		}
	}
	if found, err := s.past(t.Context(), update.Release{Number: 3}); err != nil || len(found.words) > 0 {
		t.Errorf("nothing is crossed: %q, %v", found.words, err)
	}
}

// TestDataBackRefuses: there must be a backup of the data that the release worked
// with.
func TestDataBackRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		more []update.Release
		to   int
		says string
	}{
		"the backup is gone": {nil, 1, "the backup that release 2 made: there is no backup"},
		"of another release": {nil, 2, "the backup that release 3 made: there is no backup"},
		"nothing was backed": {nil, 3, "no release since 3 has made a backup"},
		"without a backup":   {[]update.Release{{Number: 4, Migrated: []update.Migrated{{Service: "api"}}}, {Number: 5, Backup: "b5"}}, 3, "release 4 migrated without a backup"},
	} {
		s := pastSession(t, c.more...)
		s.data.wanted = true
		_, err := s.past(t.Context(), update.Release{Number: c.to})
		if code, _ := codeAndHint(err); code != exitRefused || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d, %v", name, code, err)
		}
	}
}

// TestAfterDataCameBack: what a release migrated before its data was taken back is
// not there any more.
func TestAfterDataCameBack(t *testing.T) {
	back := update.Release{Number: 4, BackTo: 1, Restored: "b2"}
	again := update.Release{Number: 5, Migrated: []update.Migrated{{Service: "api"}}, Backup: "b5"}
	for name, c := range map[string]struct {
		more []update.Release
		to   int
		want []int // releases that made the data; nil: refused
	}{
		"nothing is between":        {[]update.Release{back}, 1, []int{4}},
		"its code needs the schema": {[]update.Release{back}, 3, nil},
		"so does that in between":   {[]update.Release{back}, 2, nil},
		"forward again":             {[]update.Release{back, again}, 4, []int{5}},
		"forward again, to before":  {[]update.Release{back, again}, 1, []int{4, 5}},
		"forward again, the new":    {[]update.Release{back, again}, 3, []int{4, 5}},
	} {
		s := pastSession(t, c.more...)
		newest, err := s.store.Newest()
		if err != nil {
			t.Fatal(err)
		}
		taken, err := s.takenBack(c.to, newest)
		var got []int
		for _, r := range taken {
			got = append(got, r.Number)
		}
		if (err != nil) != (c.want == nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v: %v", name, got, c.want, err)
		}
	}
}

// TestDataFlags: a confirmation that is not of this project, or of nothing, is
// refused before anything is looked at.
func TestDataFlags(t *testing.T) {
	for name, c := range map[string]struct {
		flags dataFlags
		says  string
	}{
		"nothing":      {dataFlags{}, ""},
		"confirmed":    {dataFlags{restore: true, confirmed: "shop"}, ""},
		"to be asked":  {dataFlags{restore: true}, ""},
		"of another":   {dataFlags{restore: true, confirmed: "other"}, "is not the name of the project"},
		"for nothing":  {dataFlags{confirmed: "shop"}, "--confirm is for --restore-data"},
		"no such file": {dataFlags{restore: true, identity: identityFlag{path: "/nowhere/key"}}, "--identity"},
	} {
		_, err := c.flags.read("shop")
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestYesIsNotEnough: --yes alone never loses data.
func TestYesIsNotEnough(t *testing.T) {
	exchange := update.Plan{Phases: []update.Phase{{Name: update.PhaseShift, Steps: []update.Step{&update.ExchangeStep{Backup: "b", Databases: []update.Exchanged{{Name: "app", Kept: "app_before_r4"}}}}}}}
	s := pastSession(t)
	s.app.flags.yes, s.data.wanted = true, true
	var status *exitStatus
	if err := s.confirmPlan(exchange); !errors.As(err, &status) || status.code != exitRefused || !strings.Contains(status.hint, "--confirm shop") || !s.asksAbout(exchange) {
		t.Error(err)
	}
	s.data.confirmed = "shop"
	if err := s.confirmPlan(exchange); err != nil || s.asksAbout(exchange) {
		t.Error(err)
	}
	if err := s.confirmPlan(update.Plan{}); err != nil || s.asksAbout(update.Plan{}) {
		t.Error(err)
	}
	s.sayKept(&exchange)
	if said := s.app.err.(*bytes.Buffer).String(); !strings.Contains(said, `ALTER DATABASE "app_before_r4" RENAME TO "app"`) || !strings.Contains(said, `DROP DATABASE "app_before_r4"`) {
		t.Error(said)
	}
}

// TestRestoreWaitsForResume: databases are not exchanged under an update that has
// not ended.
func TestRestoreWaitsForResume(t *testing.T) {
	s := pastSession(t)
	if err := s.nothingUnfinished(); err != nil {
		t.Error(err)
	}
	log, err := s.lock.Journal()
	if err != nil {
		t.Fatal(err)
	}
	plan := update.BackupPlan("shop", update.BackupTarget{Service: "db"})
	if err := log.Append(update.Entry{Kind: update.EntryBegin, Run: "run1", Time: time.Now(), Plan: &plan}); err != nil {
		t.Fatal(err)
	}
	if code, hint := codeAndHint(s.nothingUnfinished()); code != exitRefused || hint != "gapless resume first" {
		t.Error(code, hint)
	}
}
