package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"gapless/internal/backup/archive"
)

// fileEngine does what helpers do, in a directory in place of a volume.
type fileEngine struct {
	*fakeEngine
	t       *testing.T
	root    string
	acts    []string
	before  map[string]func() error // by act: its error ends the act before it did anything
	after   map[string]func() error
	users   []User
	stopped map[string]bool
	started []string
	missing bool
	onStop  func()
	starts  error                  // of every start
	spoil   func(directory string) // what was extracted
}

func (f *fileEngine) Run(ctx context.Context, c Command) error {
	if len(c.Mounts) == 0 {
		return f.fakeEngine.Run(ctx, c)
	}
	act, directory, rest := c.Argv[1], c.Argv[2], c.Argv[3:]
	f.acts = append(f.acts, act)
	directory = strings.Replace(directory, volumeTarget, f.root, 1)
	if c.Mounts[0].Volume == "" {
		directory = f.t.TempDir()
	}
	if before := f.before[act]; before != nil {
		if err := before(); err != nil {
			return err
		}
	}
	list := func(directory string, err error) error {
		if err != nil {
			return err
		}
		if f.spoil != nil {
			f.spoil(directory)
		}
		return archive.List(directory, func(line string) error { _, err := io.WriteString(c.Stdout, line+"\n"); return err })
	}
	err := errors.New("no such act")
	switch act {
	case "write":
		err = archive.Write(c.Stdout, directory, func(path, why string) { fmt.Fprintf(c.Stderr, "left out: %q: %s\n", path, why) })
	case "prove":
		err = list(directory, archive.Extract(c.Stdin, directory))
	case "fill":
		err = list(archive.Staging(directory, rest[0]), archive.Fill(c.Stdin, directory, rest[0]))
	case "exchange":
		err = archive.Exchange(directory, rest[0], rest[1:])
	case "discard":
		err = archive.Discard(directory, rest[0])
	case "held":
		var found holding
		if found.Entries, found.Bytes, err = archive.Held(directory); err == nil {
			found.UID, found.GID = os.Geteuid(), os.Getegid()
			err = json.NewEncoder(c.Stdout).Encode(found)
		}
	}
	if after := f.after[act]; after != nil && err == nil {
		err = after()
	}
	return err
}

func (f *fileEngine) Users(context.Context, Place) ([]User, error) {
	users := slices.Clone(f.users)
	for i := range users {
		users[i].Running = users[i].Running && !f.stopped[users[i].Name]
	}
	return users, nil
}
func (f *fileEngine) Exists(context.Context, Place) (bool, error) { return !f.missing, nil }
func (f *fileEngine) Stop(_ context.Context, user User) error {
	if f.onStop != nil {
		f.onStop()
	}
	f.stopped[user.Name] = true
	return nil
}
func (f *fileEngine) Start(_ context.Context, user User) error {
	if f.starts != nil {
		return f.starts
	}
	f.stopped[user.Name] = false
	f.started = append(f.started, user.Name+" "+user.Restart)
	return nil
}
func (f *fileEngine) PlaceOf(context.Context, string, string) (Place, bool, error) {
	return Place{Volume: "shop_cache"}, true, nil
}

// newVolumeMaker is a maker for a volume that a service has mounted.
func newVolumeMaker(t *testing.T) (*Maker, *fileEngine) {
	t.Helper()
	m, fake := newMaker(t)
	engine := &fileEngine{fakeEngine: fake, t: t, root: t.TempDir(), before: map[string]func() error{}, after: map[string]func() error{}, stopped: map[string]bool{},
		users: []User{{Name: "shop-reader-1", Service: "reader", Target: "/elsewhere"}, {Name: "shop-web-1", Service: "web", Restart: "unless-stopped", Running: true, Started: time.Unix(1, 0), Target: "/media", Writable: true}}}
	m.Engine, m.Keeper, m.Service = engine, engine, "web"
	m.Kind = &Volume{Name: "media", Place: Place{Volume: "shop_media"}, Databases: map[string]string{"mongo": "stop it"}}
	m.Helper = func(context.Context) (string, []string, error) { return "sha256:own", []string{"archive"}, nil }
	write(t, engine.root, "a/photo", "of then")
	write(t, engine.root, "b", "of then too")
	return m, engine
}

func write(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(root, name string) string {
	content, _ := os.ReadFile(filepath.Join(root, name))
	return string(content)
}

// changed makes a backup, and changes what is in the volume.
func changed(t *testing.T, m *Maker, f *fileEngine) Stored {
	t.Helper()
	stored := mustCreate(t, m)
	write(t, f.root, "b", "of today")
	write(t, f.root, "c", "of today too")
	m.Run = "0197f2a1b2c3d4e5f7" // a restore is a run of its own
	return stored
}

func restored(t *testing.T, m *Maker, stored Stored) error {
	t.Helper()
	r, err := m.CheckRestore(t.Context(), stored, nil, quiet)
	if err != nil {
		return err
	}
	if !r.Loses() || !strings.Contains(r.Replaced[0].Drop(), "exec --user 0 web rm -rf /media/"+archive.AsidePrefix) {
		t.Errorf("%+v %s", r.Replaced, r.Replaced[0].Drop())
	}
	return m.Restore(t.Context(), r, quiet)
}

func (f *fileEngine) isRestored(t *testing.T, m *Maker) {
	t.Helper()
	aside := archive.AsidePrefix + m.ID()
	if b, c, kept := read(f.root, "b"), read(f.root, "c"), read(f.root, aside+"/c"); b != "of then too" || c != "" || kept != "of today too" || read(f.root, "a/photo") != "of then" {
		t.Errorf("restored %q, %q; kept %q", b, c, kept)
	}
	if f.stopped["shop-web-1"] || !slices.Equal(f.started, []string{"shop-web-1 unless-stopped"}) {
		t.Errorf("started %q, stopped %v", f.started, f.stopped)
	}
	if _, err := os.Stat(m.markPath()); err == nil {
		t.Error("its mark is left")
	}
}

// TestVolume goes the whole way.
func TestVolume(t *testing.T) {
	key, _ := age.GenerateX25519Identity()
	for name, recipients := range map[string][]string{"plain": nil, "sealed": {key.Recipient().String()}} {
		m, f := newVolumeMaker(t)
		m.Recipients = recipients
		stored := changed(t, m, f)
		if stored.Kind != KindVolume || stored.Of() != "media" || !stored.Proven() || stored.Databases[0].Listing.Entries != 4 {
			t.Errorf("%s: %+v", name, stored.Manifest)
		}
		if !slices.Equal(f.acts, []string{"write", "prove"}) {
			t.Errorf("%s: %q", name, f.acts)
		}
		r, err := m.CheckRestore(t.Context(), stored, []age.Identity{key}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Restore(t.Context(), r, quiet); err != nil {
			t.Fatal(err)
		}
		f.isRestored(t, m)
	}
}

// TestVolumeCopyMustBeTheSame: a copy that lacks a file, or has another one, proves
// nothing.
func TestVolumeCopyMustBeTheSame(t *testing.T) {
	m, f := newVolumeMaker(t)
	if err := m.Dump(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	write(t, other, "b", "another")
	var difference *DifferenceError
	err := compareLines("media", linesIn(t, f.root), linesIn(t, other))
	if !errors.As(err, &difference) || !slices.ContainsFunc(difference.Differences, func(s string) bool { return s == `"a/photo" is missing` }) ||
		!slices.ContainsFunc(difference.Differences, func(s string) bool { return s == `"b" is another one` }) {
		t.Error(err)
	}
	if err := compareLines("media", linesIn(t, f.root), linesIn(t, f.root)); err != nil {
		t.Error(err)
	}
	f.before["prove"] = func() error { return errors.New("broken") }
	if err := m.Prove(t.Context(), quiet); err == nil {
		t.Error("it was proven by a program that failed")
	}
}

func linesIn(t *testing.T, root string) io.Reader {
	t.Helper()
	var text strings.Builder
	if err := archive.List(root, func(line string) error { text.WriteString(line + "\n"); return nil }); err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(text.String())
}

// TestSpoiltCopyIsNoBackup: what comes back in another way is told by its name, and
// is not exchanged.
func TestSpoiltCopyIsNoBackup(t *testing.T) {
	for name, spoil := range map[string]func(string){
		`"b" is another one`:   func(directory string) { write(t, directory, "b", "of then tOO") },
		`"b" is missing`:       func(directory string) { _ = os.Remove(filepath.Join(directory, "b")) },
		`"more" was not there`: func(directory string) { write(t, directory, "more", "") },
	} {
		m, f := newVolumeMaker(t)
		f.spoil = spoil
		var difference *DifferenceError
		if err := create(t, m); !errors.As(err, &difference) || !slices.Contains(difference.Differences, name) {
			t.Errorf("%s: %v", name, err)
		}
		f.spoil = nil
		stored := changed(t, m, f)
		f.spoil = spoil
		if err := restored(t, m, stored); !errors.As(err, &difference) || read(f.root, "b") != "of today" || slices.Contains(f.acts, "exchange") {
			t.Errorf("%s: %v, %q", name, err, f.acts)
		}
	}
}

// TestNoVolumeYet: an update that makes the volume has nothing to lose.
func TestNoVolumeYet(t *testing.T) {
	m, f := newVolumeMaker(t)
	f.missing = true
	if err := create(t, m); !errors.Is(err, ErrNothing) || len(f.acts) > 0 {
		t.Errorf("%v, %q", err, f.acts)
	}
}

// TestRunningDatabaseIsNotCopied: its files change together.
func TestRunningDatabaseIsNotCopied(t *testing.T) {
	m, f := newVolumeMaker(t)
	f.users = append(f.users, User{Name: "shop-mongo-1", Service: "mongo", Running: true})
	var running *RunningDatabaseError
	if err := create(t, m); !errors.As(err, &running) || len(f.acts) > 0 {
		t.Errorf("%v, after %q", err, f.acts)
	}
	f.users[2].Running = false
	f.after["write"] = func() error { f.users[2].Running = true; return nil }
	if err := create(t, m); !errors.As(err, &running) {
		t.Errorf("started while it was copied: %v", err)
	}
	f.users[2].Running, f.after["write"] = false, nil
	if err := create(t, m); err != nil {
		t.Errorf("it does not run: %v", err)
	}
}

// TestVolumeRestoreChecksFirst: what is not for this volume, or is damaged, touches
// nothing.
func TestVolumeRestoreChecksFirst(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Maker, *fileEngine, *Stored)
		says   string
	}{
		"other kind":    {func(_ *Maker, _ *fileEngine, s *Stored) { s.Kind = "" }, "a backup of a postgres, and here is a volume"},
		"other volume":  {func(_ *Maker, _ *fileEngine, s *Stored) { s.Volume = "files" }, "backup of volume files"},
		"truncated":     {func(_ *Maker, _ *fileEngine, s *Stored) { cutOff(t, s) }, "is truncated"},
		"other content": {func(_ *Maker, _ *fileEngine, s *Stored) { s.Databases[0].Listing.Entries++ }, "the manifest says"},
		"foreign user": {func(_ *Maker, f *fileEngine, _ *Stored) {
			f.users = append(f.users, User{Name: "other", Running: true})
		}, "container other uses the same files"},
		"unmounted": {func(m *Maker, _ *fileEngine, _ *Stored) { m.Kind = &Volume{Name: "media"} }, "is mounted by no service"},
		"no volume": {func(_ *Maker, f *fileEngine, _ *Stored) { f.missing = true }, "there is no volume media"},
		"no room":   {func(_ *Maker, f *fileEngine, _ *Stored) { f.disk = 1 << 30 }, "a full disk would stop"},
	} {
		m, f := newVolumeMaker(t)
		stored := changed(t, m, f)
		c.change(m, f, &stored)
		f.acts = nil
		if _, err := m.CheckRestore(t.Context(), stored, nil, quiet); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if read(f.root, "b") != "of today" || slices.Contains(f.acts, "fill") {
			t.Errorf("%s: %q", name, f.acts)
		}
	}
}

// TestVolumeRestoreFails: before the exchange everything is taken back, and who was
// stopped runs again.
func TestVolumeRestoreFails(t *testing.T) {
	for name, fail := range map[string]func(f *fileEngine){
		"fill":  func(f *fileEngine) { f.before["fill"] = func() error { return errors.New("broken") } },
		"later": func(f *fileEngine) { f.after["fill"] = func() error { return errors.New("broken") } },
		"other": func(f *fileEngine) {
			f.before["fill"] = func() error { f.users = append(f.users, User{Name: "other", Running: true}); return nil }
		},
	} {
		m, f := newVolumeMaker(t)
		stored := changed(t, m, f)
		fail(f)
		err := restored(t, m, stored)
		names, _ := os.ReadDir(f.root)
		if err == nil || read(f.root, "b") != "of today" || len(names) != 3 || f.stopped["shop-web-1"] {
			t.Errorf("%s: %v, %v, %v", name, err, names, f.stopped)
		}
		if _, err := os.Stat(m.markPath()); err == nil {
			t.Errorf("%s: its mark is left", name)
		}
	}
}

// TestVolumeRestoreLeavesSomeoneStopped: what is down is said, and the next start
// tries again.
func TestVolumeRestoreLeavesSomeoneStopped(t *testing.T) {
	m, f := newVolumeMaker(t)
	stored := changed(t, m, f)
	ctx, cancel := context.WithCancel(t.Context())
	f.onStop = func() { cancel(); f.starts = errors.New("the port is taken") }
	restoration, err := m.CheckRestore(ctx, stored, nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Restore(ctx, restoration, quiet)
	var stopped *StoppedError
	if !errors.As(err, &stopped) || !slices.Equal(stopped.Stopped, []string{"web"}) {
		t.Fatalf("%v", err)
	}
	f.starts, f.onStop = nil, nil
	if err := m.SweepRestore(t.Context()); err != nil || f.stopped["shop-web-1"] {
		t.Errorf("%v, %v", err, f.stopped)
	}
}

// TestVolumeRestoreIsKilled: the next start ends it, forward from the decision on.
func TestVolumeRestoreIsKilled(t *testing.T) {
	for name, c := range map[string]struct {
		kill    func(f *fileEngine, die func() error)
		forward bool
	}{
		"while it fills":        {func(f *fileEngine, die func() error) { f.after["fill"] = die }, false},
		"before the exchange":   {func(f *fileEngine, die func() error) { f.before["exchange"] = die }, true},
		"after the exchange":    {func(f *fileEngine, die func() error) { f.after["exchange"] = die }, true},
		"and somebody is there": {func(f *fileEngine, die func() error) { f.before["exchange"] = die }, true},
	} {
		m, f := newVolumeMaker(t)
		stored := changed(t, m, f)
		r, err := m.CheckRestore(t.Context(), stored, nil, quiet)
		if err != nil {
			t.Fatal(err)
		}
		dead := make(chan bool)
		c.kill(f, func() error { close(dead); select {} })
		go func() { _ = m.Restore(t.Context(), r, quiet) }()
		<-dead
		f.before, f.after = map[string]func() error{}, map[string]func() error{}
		next := *m
		next.Run, next.Kind, next.Service = "0197f2a1b2c3d4e5f8", &Volume{}, "files"
		if strings.HasPrefix(name, "and") {
			f.stopped["shop-web-1"] = false // by a person
		}
		if err := next.SweepRestore(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.forward {
			f.isRestored(t, m)
		} else if names, _ := os.ReadDir(f.root); read(f.root, "b") != "of today" || len(names) != 3 {
			t.Errorf("%s: %v", name, names)
		}
	}
}

// TestMarkIsNotOnTheDiskForBackups: while that is away, an exchange that was cut off is
// ended all the same.
func TestMarkIsNotOnTheDiskForBackups(t *testing.T) {
	m, f := newVolumeMaker(t)
	m.Marks = t.TempDir()
	stored := changed(t, m, f)
	f.before["exchange"] = func() error { return errors.New("broken") }
	var pending *PendingError
	if err := restored(t, m, stored); !errors.As(err, &pending) {
		t.Fatalf("%v", err)
	}
	delete(f.before, "exchange")
	if err := os.Rename(m.Store.Directory(), m.Store.Directory()+".away"); err != nil {
		t.Fatal(err)
	}
	if err := m.SweepRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.isRestored(t, m)
}

// TestSomebodyStartsMeanwhile: a container that was started during the exchange is
// stopped, and the exchange is looked at again; one that always comes back is told.
func TestSomebodyStartsMeanwhile(t *testing.T) {
	for name, times := range map[string]int{"once": 1, "always": 100} {
		m, f := newVolumeMaker(t)
		stored := changed(t, m, f)
		told := 0
		m.Notice = func(string) { told++ }
		left := times
		f.after["exchange"] = func() error {
			if left--; left >= 0 {
				f.stopped["shop-web-1"] = false
			}
			return nil
		}
		err := restored(t, m, stored)
		var pending *PendingError
		if times == 1 {
			if err != nil || told != 1 {
				t.Errorf("%s: %v, told %d", name, err, told)
			}
			f.isRestored(t, m)
		} else if !errors.As(err, &pending) || !strings.Contains(err.Error(), "web must not run") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMarkOfNobody: what cannot be read is neither ended nor removed by guessing.
func TestMarkOfNobody(t *testing.T) {
	m, f := newVolumeMaker(t)
	for _, text := range []string{"{}", "no JSON", `{"id":"../..","place":{"volume":"v"},"decided":true}`} {
		if err := os.WriteFile(m.markPath(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var pending *PendingError
		if err := m.SweepRestore(t.Context()); !errors.As(err, &pending) || len(f.acts) > 0 {
			t.Errorf("%s: %v, %q", text, err, f.acts)
		}
	}
	other := *m
	other.Kind = &Redis{}
	if err := other.SweepRestore(t.Context()); err != nil {
		t.Errorf("the mark of another kind: %v", err)
	}
}
