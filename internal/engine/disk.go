package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"
)

// containerdDirectory is where containerd keeps images by default.
const containerdDirectory = "/var/lib/containerd"

// FreeDisk is how many bytes the engine may still write where it keeps images:
// of several places the one with least. An error says why it is not known.
func (f Facts) FreeDisk() (directory string, bytes int64, err error) {
	if !f.Local {
		return f.RootDirectory, 0, errors.New("the engine is on another host")
	}
	if f.RootDirectory == "" {
		return "", 0, errors.New("the engine does not say where it keeps its data")
	}
	if bytes, err = freeBytes(f.RootDirectory); err != nil {
		return f.RootDirectory, 0, err
	}
	if f.Containerd {
		switch other, err := freeBytes(containerdDirectory); {
		case errors.Is(err, fs.ErrNotExist): // it was told to use another one
		case err != nil:
			return containerdDirectory, 0, err
		case other < bytes:
			return containerdDirectory, other, nil
		}
	}
	return f.RootDirectory, bytes, nil
}

// freeBytes is what a file system has left for those who are not root.
func freeBytes(directory string) (int64, error) {
	var about unix.Statfs_t
	if err := unix.Statfs(directory, &about); err != nil {
		return 0, &fs.PathError{Op: "look at the disk of", Path: directory, Err: err}
	}
	return int64(about.Bavail) * about.Bsize, nil
}

// BytesBeyond is what an image has on the disk beyond another one, with which
// it may share its first layers, as builds on one base do; all of it if the
// other is empty.
func (e *Engine) BytesBeyond(ctx context.Context, imageID, otherID string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	own, err := e.client.ImageHistory(ctx, imageID)
	if err != nil {
		return 0, fmt.Errorf("layers of image %s: %w", imageID, err)
	}
	var others client.ImageHistoryResult
	if otherID != "" {
		if others, err = e.client.ImageHistory(ctx, otherID); err != nil {
			return 0, fmt.Errorf("layers of image %s: %w", otherID, err)
		}
	}
	return bytesBeyond(own.Items, others.Items), nil
}

// bytesBeyond adds up what a history has beyond another one. Both have the
// newest first. What was made at the same time in the same way is the same.
func bytesBeyond(own, other []image.HistoryResponseItem) (sum int64) {
	for len(own) > 0 && len(other) > 0 {
		oldest, others := own[len(own)-1], other[len(other)-1]
		if oldest.Created != others.Created || oldest.CreatedBy != others.CreatedBy || oldest.Size != others.Size {
			break
		}
		own, other = own[:len(own)-1], other[:len(other)-1]
	}
	for _, entry := range own {
		sum += entry.Size
	}
	return sum
}
