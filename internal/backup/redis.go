package backup

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
)

// Redis is the kind of a Redis or Valkey: all its databases, as one RDB file.
type Redis struct {
	// Server finds the server that runs, and how to get into it.
	Server func(ctx context.Context) (RedisServer, error)
}

// Kind implements Kind.
func (*Redis) Kind() string { return KindRedis }

// Words implements Kind.
func (*Redis) Words(manifest Manifest) string {
	databases, keys := 0, int64(0)
	for _, d := range manifest.Databases {
		databases += len(d.Tables)
		keys += d.Rows()
	}
	return counts(databases, "database") + " with " + counts(keys, "key")
}

func (r *Redis) dump(ctx context.Context, m *Maker, directory string, manifest *Manifest, say func(string)) error {
	server, err := r.Server(ctx)
	if err != nil {
		return err
	}
	before, err := r.ask(ctx, m, server)
	if err != nil {
		return err
	}
	if err := r.room(ctx, m, before.number("used_memory")); err != nil {
		return err
	}
	d := Database{Name: m.Service, File: "1.dump", Sealed: m.seal != nil, Size: before.number("used_memory")}
	if d.Sealed {
		d.File += ".age"
	}
	file, err := createDump(filepath.Join(directory, d.File), m.seal)
	if err != nil {
		return err
	}
	last, _ := m.newest()
	command := server.command(m, stepDump, redisDump)
	command.Stdout = file
	err = telling(ctx, say, m.Service, last.dumpBytes(), file.count.Load, func() error { return m.Engine.Run(ctx, command) })
	stored, plain, closeErr := file.finish()
	if err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("dump of %s: %w", m.Service, err)
	}
	after, err := r.ask(ctx, m, server)
	if err != nil {
		return err
	}
	d.Stored, d.Plain = stored, plain
	d.Properties = map[string]any{"databases": cmp.Or(before.setting("databases"), "16"), "allowed": allowed(before, after)}
	manifest.ImageID, manifest.Server, manifest.Major = server.ImageID, "Redis "+before.values["redis_version"], before.major()
	manifest.Databases = []Database{d}
	return nil
}

// room refuses what would not fit beside what runs: the keys into memory for the
// proof, the dump onto the disk of Docker. The size is what the server uses now.
func (r *Redis) room(ctx context.Context, m *Maker, size int64) error {
	memory, disk := m.Engine.Room(ctx)
	if memory > 0 && size+scratchBase/2 > memory || disk > 0 && size > disk-max(diskReserve, disk/10) {
		return &RoomError{Needs: size + scratchBase/2, Memory: memory, Disk: disk}
	}
	return nil
}

// allowed is how many keys each database of the dump may hold, from and to. Its
// moment is between two looks: what came and went meanwhile is no more than the
// commands, and the keys whose time had come.
func allowed(before, after redisState) map[string]any {
	moved := int64(0)
	for _, counter := range []string{"total_commands_processed", "expired_keys", "evicted_keys"} {
		moved += max(after.number(counter)-before.number(counter), 0)
	}
	bounds := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(joined(before.keys, after.keys))) {
		from, to := min(before.keys[name], after.keys[name]), max(before.keys[name], after.keys[name])
		bounds[name] = []any{float64(max(from-moved, 0)), float64(to + moved)}
	}
	return bounds
}

func joined(a, b map[string]int64) map[string]int64 {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func (r *Redis) proofImage(ctx context.Context, m *Maker, manifest Manifest) (string, error) {
	if has, err := m.Engine.HasImage(ctx, manifest.ImageID); has || err != nil {
		return manifest.ImageID, err
	}
	server, err := r.Server(ctx)
	if err != nil {
		return "", fmt.Errorf("the image that the backup was made with is gone: %w", err)
	}
	return server.ImageID, nil
}

func (r *Redis) prove(ctx context.Context, m *Maker, directory, imageID string, manifest *Manifest, identities []age.Identity, say func(string)) error {
	d := &manifest.Databases[0]
	if err := r.room(ctx, m, d.Size); err != nil {
		return err
	}
	reader, err := openDump(ctx, filepath.Join(directory, d.File), *d, identities)
	if err != nil {
		return err
	}
	var said strings.Builder
	databases, _ := d.Properties["databases"].(string)
	command := RedisServer{ImageID: imageID}.command(m, stepServer, redisProof, "DATABASES="+databases)
	command.Stdin, command.Stdout, command.Light = reader, &said, true
	err = telling(ctx, say, "restore "+d.Name, d.Plain.Bytes, reader.count.Load, func() error { return m.Engine.Run(ctx, command) })
	if err := firstCause(reader.close(), err); err != nil {
		return fmt.Errorf("throwaway server: %w", err)
	}
	state := readRedis(said.String())
	if state.values["gapless_end"] == "" {
		return fmt.Errorf("throwaway server: %w", errEndedEarly)
	}
	return compareKeys(d, state)
}

// compareKeys holds a loaded copy against what a reader of the file has counted,
// and against what the server held; later against what the first copy held.
func compareKeys(d *Database, state redisState) error {
	total := int64(0)
	for _, count := range state.keys {
		total += count
	}
	if read, is := state.values["gapless_keys"]; is && state.number("gapless_keys") != total {
		return &DifferenceError{Database: d.Name, Differences: []string{fmt.Sprintf("%s keys are in the file, and %d were loaded", read, total)}}
	}
	if d.Tables != nil {
		if found := compareCounts("database", "keys", d.Tables, state.keys); len(found) > 0 {
			return &DifferenceError{Database: d.Name, Differences: found}
		}
		return nil
	}
	var found []string
	bounds, _ := d.Properties["allowed"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(bounds)) {
		pair, _ := bounds[name].([]any)
		if len(pair) != 2 {
			continue
		}
		from, _ := pair[0].(float64)
		to, _ := pair[1].(float64)
		if has := float64(state.keys[name]); has < from || has > to {
			found = append(found, fmt.Sprintf("database %s has %.0f keys, and had %.0f to %.0f", name, has, from, to))
		}
	}
	if len(found) > 0 {
		return &DifferenceError{Database: d.Name, Differences: found}
	}
	delete(d.Properties, "allowed")
	d.Tables = state.keys
	return nil
}
