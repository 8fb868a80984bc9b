package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gapless/internal/backup/archive"
	"gapless/internal/update"
)

// What is kept in files is restored by helpers: they fill a directory beside what
// is there, and exchange the two by renaming while nobody uses it. Which containers
// were stopped for that, and whether the exchange has begun, is in a file of each
// kind, so that the next start can end it.

// volumeTarget is where a helper sees the files.
const volumeTarget = "/volume"

// filesMark is what the next start must know of a restore of files.
type filesMark struct {
	ID      string   `json:"id"` // of the restore
	Name    string   `json:"name"`
	Place   Place    `json:"place"`
	Names   []string `json:"names,omitempty"`   // that are exchanged; none: all
	Stopped []User   `json:"stopped,omitempty"` // that are to run again
	Decided bool     `json:"decided,omitempty"` // there is no way back any more
}

// markPath is the file of a kind.
func (m *Maker) markPath() string {
	return filepath.Join(m.markDirectory(), "restore-"+m.kind().Kind()+".json")
}

func (m *Maker) markDirectory() string { return cmp.Or(m.Marks, m.Store.directory) }

func (m *Maker) saveMark(mark *filesMark) error {
	content, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	return writeSynced(m.markPath(), content)
}

func (m *Maker) dropMark() error {
	return errors.Join(os.Remove(m.markPath()), syncPath(m.markDirectory()))
}

// helper is this program in a container that sees the files of a place.
func (m *Maker) helper(ctx context.Context, step string, place Place, readOnly bool, act string, arguments ...string) (Command, error) {
	image, program, err := m.Helper(ctx)
	if err != nil {
		return Command{}, fmt.Errorf("this program in a container: %w", err)
	}
	argv := slices.Concat(program, []string{act, path.Join(volumeTarget, place.Directory)}, arguments)
	place.Directory = ""
	return Command{Name: m.prefix() + step, Run: m.Run, ImageID: image, Argv: argv, User: "0:0", AllFiles: true,
		Mounts: []Mount{{Place: place, Target: volumeTarget, ReadOnly: readOnly}}}, nil
}

// run runs a helper that only does something.
func (m *Maker) run(ctx context.Context, step string, place Place, act string, arguments ...string) error {
	command, err := m.helper(ctx, step, place, false, act, arguments...)
	if err != nil {
		return err
	}
	return m.Engine.Run(ctx, command)
}

// holding is what a directory holds today.
type holding struct {
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
	UID     int   `json:"uid"`
	GID     int   `json:"gid"`
}

func (m *Maker) held(ctx context.Context, place Place) (found holding, err error) {
	command, err := m.helper(ctx, stepAsk, place, true, "held")
	if err != nil {
		return found, err
	}
	var said strings.Builder
	command.Stdout = &said
	if err := m.Engine.Run(ctx, command); err != nil {
		return found, err
	}
	return found, json.Unmarshal([]byte(said.String()), &found)
}

// usersOf lists who has the place mounted. One that is not of this project can
// neither be stopped nor ignored.
func (m *Maker) usersOf(ctx context.Context, place Place) ([]User, error) {
	users, err := m.Keeper.Users(ctx, place)
	if err != nil {
		return nil, err
	}
	for _, user := range users {
		if user.Running && user.Service == "" {
			return nil, &ForeignUserError{Container: user.Name}
		}
	}
	return users, nil
}

// ForeignUserError says that somebody else uses what is to be exchanged.
type ForeignUserError struct{ Container string }

func (e *ForeignUserError) Error() string {
	return fmt.Sprintf("the container %s uses the same files, and is not a service of this project, or a command that runs once", e.Container)
}

// Hint tells what to do about it.
func (e *ForeignUserError) Hint() string {
	return "docker stop " + e.Container + ", and start it again afterwards"
}

// room refuses what would fill the disk. Nothing is refused for a guess: the size
// is that of the files in the backup.
func (m *Maker) room(ctx context.Context, size int64) error {
	if _, disk := m.Engine.Room(ctx); disk > 0 && size > disk-max(diskReserve, disk/10) {
		return fmt.Errorf("the disk of Docker has %s left, and the files of the backup take %s: a full disk would stop what runs", update.BytesText(disk), update.BytesText(size))
	}
	return nil
}

// restoreFiles fills, compares, stops who uses the files, and exchanges. source
// writes the archive, compare is given the lines of what came out of it.
func (m *Maker) restoreFiles(ctx context.Context, mark *filesMark, size int64, source func(io.Writer) error, compare func(io.Reader) error, say func(string)) error {
	if err := m.saveMark(mark); err != nil {
		return err
	}
	err := m.fillFiles(ctx, mark, size, source, compare, say)
	if err == nil {
		err = m.stopUsers(ctx, mark, say)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		mark.Decided = true
		if err = m.saveMark(mark); err != nil {
			mark.Decided = false
		}
	}
	ctx = context.WithoutCancel(ctx) // from here on it is brought to an end
	if err != nil {
		return errors.Join(err, m.giveUp(ctx, mark))
	}
	say("exchange the files")
	return m.finishFiles(ctx, mark, say)
}

// fillFiles runs the helper that extracts beside what is there, and lists what it
// has extracted.
func (m *Maker) fillFiles(ctx context.Context, mark *filesMark, size int64, source func(io.Writer) error, compare func(io.Reader) error, say func(string)) error {
	command, err := m.helper(ctx, stepCopy, mark.Place, false, "fill", mark.ID)
	if err != nil {
		return err
	}
	return m.through(ctx, command, "restore "+mark.Name, size, source, compare, say)
}

// through feeds a helper with an archive and holds what it lists against what it
// should.
func (m *Maker) through(ctx context.Context, command Command, what string, size int64, source func(io.Writer) error, compare func(io.Reader) error, say func(string)) error {
	stdin, feed := io.Pipe()
	listed, stdout := io.Pipe()
	counted := &counter{to: feed}
	fed, compared := make(chan error, 1), make(chan error, 1)
	go func() {
		err := source(counted)
		feed.CloseWithError(err)
		fed <- err
	}()
	go func() {
		err := compare(listed)
		listed.CloseWithError(err)
		compared <- err
	}()
	command.Stdin, command.Stdout = stdin, stdout
	err := telling(ctx, say, what, size, counted.count.Load, func() error { return m.Engine.Run(ctx, command) })
	stdout.CloseWithError(err)
	_ = stdin.CloseWithError(io.ErrClosedPipe)
	feedErr, difference := <-fed, <-compared
	var damage *DamageError
	var different *DifferenceError
	switch {
	case errors.As(feedErr, &damage):
		return feedErr
	case errors.As(difference, &different):
		return difference
	case err != nil:
		return err
	}
	return errors.Join(feedErr, difference)
}

// aside is what is said of the files of today.
func (m *Maker) aside(what string, mark *filesMark, users []User, used bool, holds string) Replaced {
	kept := archive.AsidePrefix + mark.ID
	drop := "remove " + kept + " in it"
	for _, user := range users {
		if user.Service != "" && user.Writable {
			drop = fmt.Sprintf("docker compose exec --user 0 %s rm -rf %s", user.Service, path.Join(user.Target, mark.Place.Directory, kept))
			break
		}
	}
	return Replaced{What: what, Name: mark.Name, Kept: kept + " in the same directory", Used: used, Holds: holds, drop: drop}
}
