package update

import (
	"fmt"
	"time"
)

// How many bytes of a database go through in a second, where no backup of it was
// made yet. With 905 MB on two processors it was 88 MB dumped and 33 MB restored; a
// guess promises less.
const (
	guessDumpRate  = 40 << 20
	guessProofRate = 20 << 20
)

// backupForecast is what a backup will take.
type backupForecast struct {
	bytes       int64
	dump, proof time.Duration
	guessed     bool // by the size of the database alone
	unknown     bool
}

// forecast judges the next backup by the last one, as much as the database has
// grown since, or else by the size of the database.
func (t BackupTarget) forecast() backupForecast {
	switch {
	case !t.Last.IsZero():
		grown := 1.0
		if t.Of > 0 && t.Size > 0 {
			grown = float64(t.Size) / float64(t.Of)
		}
		times := func(d time.Duration) time.Duration { return time.Duration(float64(d) * grown) }
		return backupForecast{bytes: int64(float64(t.Bytes) * grown), dump: times(t.DumpTook), proof: times(t.ProofTook)}
	case t.Size > 0 && len(t.Also) == 0: // how much else there is, nobody has measured
		return backupForecast{bytes: t.Size, dump: time.Second + t.at(guessDumpRate), proof: 3*time.Second + t.at(guessProofRate), guessed: true}
	}
	return backupForecast{unknown: true}
}

// at is how long the database takes at a rate.
func (t BackupTarget) at(rate int64) time.Duration {
	return time.Duration(float64(t.Size) / float64(rate) * float64(time.Second)).Round(time.Second)
}

// tight says that the disk for backups may be too small; empty: it is not, as far
// as that is known. It refuses nobody: a dump that finds no room is no backup, and
// then nothing is migrated.
func (t BackupTarget) tight() string {
	f := t.forecast()
	if f.unknown || t.Room == 0 || t.Room-f.bytes >= diskReserve {
		return ""
	}
	how := "as the last one"
	if f.guessed {
		how = "a guess by the size of the database, and dumps are mostly smaller"
	}
	return fmt.Sprintf("the disk for backups may get full: this one takes about %s (%s), and %s are free", BytesText(f.bytes), how, BytesText(t.Room))
}

// Where the forecast of a step on data comes from.
const (
	measuredData = "measured"
	guessedData  = "guessed"
)

// dataTakes is how long a step on data takes; what is empty for any other step.
func (f *forecaster) dataTakes(step Step) (took time.Duration, what string) {
	var target BackupTarget
	if f.state.Backup != nil {
		target = *f.state.Backup
	}
	forecast := target.forecast()
	how := measuredData
	if forecast.guessed || forecast.unknown {
		how = guessedData
	}
	switch s := step.(type) {
	case *DumpStep:
		return forecast.dump, how
	case *VerifyStep:
		return forecast.proof, how
	case *FillStep:
		return s.Takes, measuredData
	}
	return 0, ""
}
