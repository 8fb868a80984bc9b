package cli

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gapless/internal/update"
)

// databasesSizeSQL is how large everything is that a backup dumps.
const databasesSizeSQL = "SELECT sum(pg_database_size(oid)) FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate"

// measureBackup adds what a forecast of a backup needs. What cannot be found out
// is not forecast.
func (s *session) measureBackup(ctx context.Context, target *update.BackupTarget) {
	if target == nil || target.No != "" || target.Service == "" {
		return
	}
	if directory, err := s.backupDirectory(); err == nil {
		target.Room = roomFor(directory)
	}
	server, err := s.backupServer(ctx, target.Service)
	if err != nil {
		return
	}
	argv := []string{"psql", "--no-psqlrc", "--no-password", "--quiet", "--no-align", "--tuples-only", "--username", server.User, "--dbname", "template1", "--command", databasesSizeSQL}
	code, text, err := s.engine.Printed(ctx, server.ContainerID, argv, dataRoomWait)
	if err != nil || code != 0 {
		return
	}
	target.Size, _ = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
}

// roomFor is what is free for whoever writes to a directory, which need not be
// there yet; 0: not known.
func roomFor(directory string) int64 {
	for {
		var about unix.Statfs_t
		if err := unix.Statfs(directory, &about); err == nil {
			return int64(about.Bavail) * about.Bsize
		}
		parent := filepath.Dir(directory)
		if parent == directory {
			return 0
		}
		directory = parent
	}
}
