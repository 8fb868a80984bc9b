package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gapless/internal/project"
	"gapless/internal/update"
)

// past is what a rollback has to know of the data.
type past struct {
	words   []string        // what it crosses, and what a restore would lose
	restore *update.Restore // nil: the data stays
}

// past finds out what lies between a release and today, for the data.
func (s *session) past(ctx context.Context, release update.Release) (past, error) {
	newest, err := s.store.Newest()
	if err != nil {
		return past{}, refuse(err, "")
	}
	taken, err := s.takenBack(release.Number, newest)
	if err != nil {
		return past{}, err
	}
	found := past{words: crossing(taken, s.data.wanted)}
	from, err := backupBefore(taken, release.Number)
	if !s.data.wanted {
		if _, none := s.project.BackupService(); err == nil && len(found.words) > 0 && !errors.Is(none, project.ErrNoDatabase) {
			found.words = append(found.words, s.wouldLose(ctx, from, "would lose"))
		}
		return found, nil
	}
	if err != nil {
		return past{}, refuse(err, "gapless backup list shows what there is; gapless backup restore takes any of them, beside what runs")
	}
	if found.restore, err = s.checkData(ctx, from, newest.Number+1); err != nil {
		return past{}, err
	}
	found.words = append(found.words, s.wouldLose(ctx, from, "loses"))
	for _, name := range s.project.Settings.Backup.Also {
		found.words = append(found.words, name+" stays as it is today: only the Postgres goes back; gapless backup list shows what gapless backup restore could bring back of "+name)
	}
	return found, nil
}

// takenBack lists the releases after one that made the data what it is now. Where
// one of them brought older data back, those before it did not.
func (s *session) takenBack(to int, newest update.Release) ([]update.Release, error) {
	var taken []update.Release
	var behind *update.Release
	for number := to + 1; number <= newest.Number; number++ {
		release, err := s.store.Release(number)
		if err != nil {
			continue // adoptions leave numbers out
		}
		if release.Restored != "" {
			at := slices.IndexFunc(taken, func(r update.Release) bool { return r.Backup == release.Restored })
			if at < 0 {
				taken, behind = nil, &release
			} else {
				taken = taken[:at]
			}
		}
		if len(release.Migrated) > 0 {
			if behind != nil && behind.BackTo < to {
				release.Backup = "" // of data that is older than what this release needs
			}
			behind = nil
		}
		taken = append(taken, release)
	}
	if behind != nil && behind.BackTo < to {
		return nil, refuse(fmt.Errorf("release %d brought back the data of release %d, and release %d needs what was migrated in between", behind.Number, behind.BackTo, to),
			"gapless update goes forward again, and migrates")
	}
	return taken, nil
}

// crossing says which migrations are between, and whether they stay.
func crossing(taken []update.Release, restored bool) []string {
	var words []string
	for _, release := range taken {
		say := func(what, wayBack string) {
			if restored {
				words = append(words, fmt.Sprintf("goes with the data: what release %d migrated: %s", release.Number, what))
			} else {
				words = append(words, fmt.Sprintf("the data stays as release %d made it: %s; %s", release.Number, what, wayBack))
			}
		}
		for _, m := range release.Migrated {
			say(m.Words(), m.WayBack())
		}
		if len(release.Migrated) == 0 && release.Backup != "" {
			say("it ran a job that migrates, of which nothing more is known", update.Migrated{}.WayBack())
		}
	}
	return words
}

// backupBefore is the backup of the data as it was while a release served.
func backupBefore(taken []update.Release, to int) (update.Release, error) {
	for _, release := range taken {
		if release.Backup != "" {
			return release, nil
		}
		if len(release.Migrated) > 0 {
			return release, fmt.Errorf("release %d migrated without a backup: there is none of the data that release %d worked with", release.Number, to)
		}
	}
	return update.Release{}, fmt.Errorf("no release since %d has made a backup: its data is that of today", to)
}
