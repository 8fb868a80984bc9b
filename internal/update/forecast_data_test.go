package update

import (
	"strings"
	"testing"
	"time"
)

// TestBackupForecast: the last backup counts, as much as the database has grown;
// else a guess is called one, and it refuses nobody.
func TestBackupForecast(t *testing.T) {
	const mib = int64(1 << 20)
	last := BackupTarget{Service: "db", Last: time.Unix(1_799_000_000, 0), DumpTook: 10 * time.Second, ProofTook: 40 * time.Second, Bytes: 200 * mib}
	for name, c := range map[string]struct {
		target BackupTarget
		says   string
		tight  string
	}{
		"as the last one": {last, "about 200 MiB and 10 s as the last one", ""},
		"grown":           {with(last, func(b *BackupTarget) { b.Of, b.Size = 1000*mib, 2000*mib }), "about 400 MiB and 20 s as the last one", ""},
		"a full disk":     {with(last, func(b *BackupTarget) { b.Room = 100 * mib }), "as the last one", "this one takes about 200 MiB (as the last one), and 100 MiB are free"},
		"a guess":         {BackupTarget{Service: "db", Size: 800 * mib, Room: 100 * mib}, "at most about 800 MiB and 21 s (a guess", "a guess by the size of the database"},
		"volumes too":     {BackupTarget{Service: "db", Also: []string{"volume media"}, Size: 800 * mib, Room: 100 * mib}, "how long it takes is not known yet", ""},
		"nobody knows":    {BackupTarget{Service: "db", Room: 1}, "how long it takes is not known yet", ""},
	} {
		s := backed(t)
		s.backup = &c.target
		_, plan := s.must(t)
		if text := plan.Text(); !strings.Contains(text, c.says) || !strings.Contains(text, c.tight) || strings.Contains(text, "may get full") != (c.tight != "") {
			t.Errorf("%s: %q or %q is not said:\n%s", name, c.says, c.tight, text)
		}
	}
}

// TestForecastCountsData: a plan takes as long as its backup and its restore do,
// and a guess is named.
func TestForecastCountsData(t *testing.T) {
	_, plan := backed(t).must(t)
	without := plan.Forecast(State{Backup: nil})
	if got := plan.Forecast(State{Backup: backed(t).backup}); got.Duration-without.Duration != 52*time.Second || len(got.Guessed)+1 != len(without.Guessed) {
		t.Errorf("%s, and %s without; guessed %v and %v", got.Duration, without.Duration, got.Guessed, without.Guessed)
	}
	_, plan = restoring().must(t)
	if got := plan.Forecast(State{}).Duration; got < 40*time.Second {
		t.Errorf("a restore of 40 s in %s", got)
	}
}
