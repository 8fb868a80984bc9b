package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"gapless/internal/backup"
	"gapless/internal/engine"
	"gapless/internal/update"
)

// backupEngine gives backups the engine, for one project.
type backupEngine struct{ session *session }

// Run implements backup.Engine.
func (b backupEngine) Run(ctx context.Context, c backup.Command) error {
	var mounts []engine.AttachedMount
	for _, m := range c.Mounts {
		mounts = append(mounts, engine.AttachedMount{Volume: m.Volume, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	return b.session.engine.RunAttached(ctx, engine.AttachedContainer{
		Name: c.Name, Run: c.Run, Project: b.session.project.Name, Role: engine.RoleBackup, ImageID: c.ImageID,
		Command: c.Argv, User: c.User, Env: c.Env, Join: c.Join, Files: c.Files,
		Mounts: mounts, AllFiles: c.AllFiles, ScratchBytes: c.ScratchBytes, MemoryBytes: c.MemoryBytes, Light: c.Light, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
	})
}

// Fence implements backup.Engine. The names do not wait for each other.
func (b backupEngine) Fence(ctx context.Context, run string, names []string) error {
	failures := make([]error, len(names))
	var acts []func()
	for i, name := range names {
		acts = append(acts, func() { failures[i] = b.session.bench.Fence(ctx, name, run) })
	}
	update.Together(acts...)
	return errors.Join(failures...)
}

// Sweep implements backup.Engine.
func (b backupEngine) Sweep(ctx context.Context) error {
	return b.session.engine.RemoveAttached(ctx, b.session.project.Name, engine.RoleBackup)
}

// Room implements backup.Engine.
func (b backupEngine) Room(ctx context.Context) (memory, disk int64) {
	facts, err := b.session.engine.Facts(ctx)
	if err == nil {
		_, disk, err = facts.FreeDisk()
	}
	if err != nil {
		disk = 0
	}
	return engine.MemoryAvailable(), disk
}

// HasImage implements backup.Engine.
func (b backupEngine) HasImage(ctx context.Context, imageID string) (bool, error) {
	return b.session.engine.HasImage(ctx, imageID)
}

// dataRoomWait bounds a look at a disk.
const dataRoomWait = 5 * time.Second

// DataRoom implements backup.Engine: POSIX says how df prints it.
func (b backupEngine) DataRoom(ctx context.Context, server backup.Server, directory string) int64 {
	return b.session.dataRoom(ctx, server.ContainerID, directory)
}

// dataRoom is how much is free for a directory of a container; 0: not known.
func (s *session) dataRoom(ctx context.Context, container, directory string) int64 {
	code, text, err := s.engine.Printed(ctx, container, []string{"df", "-Pk", directory}, dataRoomWait)
	if err != nil || code != 0 {
		return 0
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(fields) < 6 {
		return 0
	}
	kibibytes, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil {
		return 0
	}
	return kibibytes << 10
}

// backupServer finds the database that runs, and how to get into it.
func (s *session) backupServer(ctx context.Context, serviceName string) (backup.Server, error) {
	containers, err := s.bench.Look(ctx)
	if err != nil {
		return backup.Server{}, err
	}
	for _, c := range containers {
		if c.Service != serviceName || !c.Running {
			continue
		}
		found, err := s.bench.Server(ctx, c.ID)
		if err != nil {
			return backup.Server{}, err
		}
		password, err := s.bench.Password(ctx, c.ID)
		return backup.Server{PostgresServer: found, Password: password}, err
	}
	return backup.Server{}, notRunning(serviceName)
}
