package backup

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"gapless/internal/backup/archive"
)

func (r *Redis) check(ctx context.Context, m *Maker, restoration *Restoration, say func(string)) error {
	server, err := r.Server(ctx)
	if err != nil {
		return err
	}
	state, err := r.ask(ctx, m, server)
	if err != nil {
		return err
	}
	mark, err := r.mark(ctx, m, server, state)
	if err != nil {
		return err
	}
	users, err := m.usersOf(ctx, mark.Place)
	if err != nil {
		return err
	}
	// The image of today has to read it: one of an older version may not.
	if err := r.prove(ctx, m, restoration.Directory, server.ImageID, &restoration.Manifest, restoration.identities, say); err != nil {
		return m.note(restoration.Stored, err)
	}
	if err := m.room(ctx, 2*restoration.dumpBytes()); err != nil {
		return err
	}
	keys := int64(0)
	for _, count := range state.keys {
		keys += count
	}
	restoration.files = mark
	restoration.server = redisFiles{major: state.major(), append: state.setting("appendonly") == "yes", dump: state.setting("dbfilename"),
		log: state.setting("appendfilename"), logs: state.setting("appenddirname")}
	restoration.Replaced = []Replaced{m.aside("Redis", mark, users, keys > 0, counts(keys, "key"))}
	return nil
}

// mark says where the server of today keeps its data.
func (r *Redis) mark(ctx context.Context, m *Maker, server RedisServer, state redisState) (*filesMark, error) {
	directory, dump := state.setting("dir"), state.setting("dbfilename")
	if directory == "" || dump == "" {
		return nil, fmt.Errorf("%s does not say where it keeps its data: CONFIG GET is not allowed", m.Service)
	}
	for _, name := range []string{dump, state.setting("appendfilename"), state.setting("appenddirname")} {
		if strings.ContainsRune(name, '/') {
			return nil, fmt.Errorf("%s keeps its data in %q, which is not in its own directory", m.Service, name)
		}
	}
	place, mounted, err := m.Keeper.PlaceOf(ctx, server.ContainerID, directory)
	if err != nil {
		return nil, err
	}
	if !mounted {
		return nil, fmt.Errorf("%s keeps its data in %s, which is in its container alone and goes with it: mount a volume there first", m.Service, directory)
	}
	names := slices.DeleteFunc([]string{dump, state.setting("appendfilename"), state.setting("appenddirname")}, func(name string) bool { return name == "" })
	return &filesMark{ID: m.ID(), Name: m.Service, Place: place, Names: names}, nil
}

// redisFiles is how a server keeps its data.
type redisFiles struct {
	major           int
	append          bool   // it also writes a log, which wins over the dump at its start
	dump, log, logs string // names
}

// parts are the files of a server that shall hold a dump. Where there is a log, it
// begins with the dump: else the server would start with what the log says, or
// with nothing.
func (f redisFiles) parts(dump func(io.Writer) error, size int64) []archive.Part {
	parts := []archive.Part{{Path: f.dump, Content: dump, Size: size}}
	base := f.log + ".1.base.rdb"
	manifest := "file " + base + " seq 1 type b\n"
	write := func(to io.Writer) error { _, err := io.WriteString(to, manifest); return err }
	switch {
	case !f.append || f.log == "":
	case f.major >= 7 && f.logs != "":
		parts = append(parts, archive.Part{Path: f.logs + "/"}, archive.Part{Path: f.logs + "/" + base, Content: dump, Size: size},
			archive.Part{Path: f.logs + "/" + f.log + ".manifest", Content: write, Size: int64(len(manifest))})
	default:
		parts = append(parts, archive.Part{Path: f.log, Content: dump, Size: size})
	}
	slices.SortFunc(parts, func(a, b archive.Part) int {
		return slices.Compare(strings.Split(strings.TrimSuffix(a.Path, "/"), "/"), strings.Split(strings.TrimSuffix(b.Path, "/"), "/"))
	})
	return parts
}

func (r *Redis) restore(ctx context.Context, m *Maker, restoration *Restoration, say func(string)) error {
	d := restoration.Databases[0]
	today, err := m.held(ctx, restoration.files.Place)
	if err != nil {
		return err
	}
	parts := restoration.server.parts(dumpTo(ctx, restoration.Directory, d, restoration.identities), d.Plain.Bytes)
	source := func(to io.Writer) error { return archive.Pack(to, parts, today.UID, today.GID) }
	compare := func(got io.Reader) error { return comparePacked(m.Service, d, restoration.server, got) }
	return m.restoreFiles(ctx, restoration.files, 2*d.Plain.Bytes, source, compare, say)
}

// comparePacked looks for the checksum of the dump in the list of what was filled.
func comparePacked(name string, d Database, files redisFiles, got io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(got, 1<<20))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(content)) {
		if archive.PathOf(line) == files.dump && strings.Contains(line, " "+d.Plain.SHA256) {
			return nil
		}
	}
	return &DifferenceError{Database: name, Differences: []string{files.dump + " on the disk is not the dump"}}
}

func (*Redis) sweep(ctx context.Context, m *Maker) error { return m.sweepFiles(ctx) }
