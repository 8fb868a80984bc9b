package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"gapless/internal/update"
)

// ballastBytes is the room that is kept for the way back on a full disk.
const ballastBytes = 16 << 20

// keptRuns is the number of finished journals that stay.
const keptRuns = 50

// begin starts a new file. Its first entry is synced under a temporary name:
// a crash leaves the finished journal before it, or none, or all of this one.
func (l *Log) begin(entry update.Entry) error {
	l.sweep(entry.Run)
	l.sequence, l.checksum, l.size = 0, noFrame, 0
	frame, checksum, err := l.frame(entry)
	if err != nil {
		return err
	}
	if err := l.reserve(); err != nil {
		return fmt.Errorf("reserve room for the journal: %w", full(err))
	}
	next, err := l.writeFirst(frame)
	if err != nil {
		return fmt.Errorf("begin journal: %w", full(err))
	}
	if err := l.archive(); err != nil {
		return errors.Join(l.fail("archive", err), next.Close())
	}
	if err := l.publish(); err != nil {
		return errors.Join(l.fail("begin", err), next.Close())
	}
	_ = l.close() // of the finished run: all of it is synced
	l.file, l.run, l.last = next, entry.Run, entry.Run
	l.sequence, l.checksum, l.size = 1, checksum, int64(len(frame))
	return nil
}

// writeFirst writes the first frame under a temporary name.
func (l *Log) writeFirst(frame []byte) (file, error) {
	const temporary = logName + temporarySuffix
	f, err := l.disk.create(temporary)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(frame)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), l.disk.remove(temporary))
	}
	return f, nil
}

// archive gives the journal of the finished run its lasting name; publish
// takes the other one away. No order in which a disk may write the two loses
// it. A name that is there was made by a process that was killed then, perhaps
// before it was synced.
func (l *Log) archive() error {
	if l.last == "" {
		return nil
	}
	err := l.disk.link(logName, runsName+"/"+l.last+".log")
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return l.disk.syncDirectory(runsName)
}

// publish gives the new journal its name.
func (l *Log) publish() error {
	if err := l.disk.rename(logName+temporarySuffix, logName); err != nil {
		return err
	}
	return l.disk.syncDirectory(".")
}

// reserve makes the ballast if there is none of full size.
func (l *Log) reserve() error {
	size, err := l.disk.sizeOf(ballastName)
	if err == nil && size == l.ballast {
		return nil
	}
	if err := ignoreMissing(l.disk.remove(ballastName)); err != nil {
		return err
	}
	f, err := l.disk.create(ballastName)
	if err != nil {
		return err
	}
	err = f.Allocate(l.ballast)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, l.disk.remove(ballastName))
	}
	return nil
}

// sweep removes what a killed run left and nobody relies on: temporary files,
// pending releases of other runs, and the oldest journals. What cannot be
// removed now is tried again by the next run.
func (l *Log) sweep(run string) {
	for _, directory := range []string{".", releasesName, pendingName} {
		names, _ := l.disk.list(directory)
		for _, name := range names {
			other := directory == pendingName && name != run+".json"
			if strings.HasSuffix(name, temporarySuffix) || other {
				_ = l.disk.remove(directory + "/" + name)
			}
		}
	}
	names, _ := l.disk.list(runsName)
	slices.Sort(names) // names of runs start with their time
	for len(names) >= keptRuns {
		_ = l.disk.remove(runsName + "/" + names[0])
		names = names[1:]
	}
}

// full makes "no space" an ErrDiskFull.
func full(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

// keepCopy keeps a damaged journal for whoever looks into it.
func keepCopy(disk files, path string, err error) error {
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		return err
	}
	content, readErr := disk.read(logName, maxLogBytes)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	name := "damaged-" + checksumOf(content) + ".log"
	if _, statErr := disk.sizeOf(name); errors.Is(statErr, fs.ErrNotExist) {
		if writeErr := writeNew(disk, ".", name, content); writeErr != nil {
			return errors.Join(err, writeErr)
		}
	}
	corrupt.Copy = path + "/" + name
	return err
}

// setAside moves a journal that cannot be read away.
func setAside(disk files, now time.Time) (string, error) {
	name := runsName + "/aside-" + now.UTC().Format("20060102T150405.000000000Z") + ".log"
	if err := disk.rename(logName, name); err != nil {
		return "", fmt.Errorf("set the journal aside: %w", err)
	}
	return name, errors.Join(disk.syncDirectory(runsName), disk.syncDirectory("."))
}
