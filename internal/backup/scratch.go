package backup

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"gapless/internal/update"
)

// scratchScript makes a server and runs it, as a user without rights and without
// the entrypoint of the image, which may do more.
const scratchScript = `set -eu
umask 077
initdb --pgdata=/tmp/scratch --username="$PGUSER" --auth=trust --encoding=UTF8 --locale=C --no-sync >/tmp/initdb.log 2>&1 || { cat /tmp/initdb.log >&2; exit 1; }
exec postgres -D /tmp/scratch -c listen_addresses=127.0.0.1 -c port=5432 -c unix_socket_directories= \
	-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0 \
	-c max_wal_size=256MB -c shared_buffers=64MB -c maintenance_work_mem=64MB -c max_locks_per_transaction=1024 \
	-c shared_preload_libraries="$PRELOAD"`

// The size of a throwaway server.
const (
	scratchBase   = 256 << 20 // of an empty one, with its log
	scratchMemory = 768 << 20 // for its processes
	scratchShare  = 4         // part of the free memory that its files may have
	diskReserve   = 1 << 30   // left to the other programs, or a tenth of what is free
)

// RoomError says that there is no room for the proof.
type RoomError struct {
	Needs, Memory, Disk int64
}

func (e *RoomError) Error() string {
	return fmt.Sprintf("no room for the throwaway server that proves a backup: it needs %s, and %s of memory and %s of disk are free",
		update.BytesText(e.Needs), update.BytesText(e.Memory), update.BytesText(e.Disk))
}

// Hint tells what to do about it.
func (e *RoomError) Hint() string {
	return "free space on the disk of Docker, or memory; 1 GiB of the disk, or a tenth of what is free, is left to others"
}

// scratchSize decides between memory and disk: bytes in memory, 0 for the disk.
func scratchSize(size, memory, disk int64) (int64, error) {
	needs := size + size/2 + scratchBase
	switch {
	case memory > 0 && needs <= memory/scratchShare:
		return needs, nil
	case memory > 0 && memory < scratchMemory/2, disk > 0 && needs > disk-max(diskReserve, disk/10):
		return 0, &RoomError{Needs: needs, Memory: memory, Disk: disk}
	}
	return 0, nil
}

// withScratch runs a throwaway server without any network, as long as the act
// takes.
func (m *Maker) withScratch(ctx context.Context, imageID string, manifest Manifest, act func(context.Context, client) error) error {
	memory, disk := m.Engine.Room(ctx)
	scratch, err := scratchSize(manifest.Size(), memory, disk)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	listening := &listener{heard: make(chan struct{})}
	command := Command{Name: m.prefix() + stepServer, Run: m.Run, ImageID: imageID, User: "postgres", Light: true, Argv: []string{"/bin/sh", "-c", scratchScript},
		Env:          []string{"PGUSER=" + manifest.User, "PRELOAD=" + manifest.Preload, "LC_MESSAGES=C", "HOME=/tmp", "PGDATA=/tmp/scratch"},
		ScratchBytes: scratch, MemoryBytes: scratch + scratchMemory, Stderr: listening}
	ended := make(chan error, 1)
	go func() { ended <- m.Engine.Run(ctx, command) }()
	select {
	case err := <-ended:
		return fmt.Errorf("throwaway server: %w", cmp.Or(err, errEndedEarly))
	case <-listening.heard:
	}
	server := Server{PostgresServer: update.PostgresServer{ContainerID: command.Name, ImageID: imageID, User: manifest.User, Port: "5432"}}
	err = act(ctx, client{run: m.Run, prefix: m.prefix(), server: server})
	stop()
	if died := <-ended; died != nil && !errors.Is(died, context.Canceled) {
		err = errors.Join(err, fmt.Errorf("throwaway server: %w", died)) // by itself: it proves nothing
	}
	return err
}

var errEndedEarly = errors.New("it ended before it took connections")

// listener waits for the server to say that it takes connections.
type listener struct {
	mu    sync.Mutex
	seen  []byte
	heard chan struct{}
	once  sync.Once
}

var readyWords = []byte("database system is ready to accept connections")

// Write implements io.Writer.
func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, p...)
	if bytes.Contains(l.seen, readyWords) {
		l.once.Do(func() { close(l.heard) })
	}
	l.seen = l.seen[max(0, len(l.seen)-len(readyWords)):]
	return len(p), nil
}
