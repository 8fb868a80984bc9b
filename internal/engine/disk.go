package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

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
	image, err := e.client.ImageInspect(ctx, imageID)
	if err != nil {
		return 0, fmt.Errorf("size of image %s: %w", imageID, err)
	}
	if otherID == "" {
		return image.Size, nil
	}
	other, err := e.client.ImageInspect(ctx, otherID)
	if err != nil {
		return 0, fmt.Errorf("layers of image %s: %w", otherID, err)
	}
	shared := 0
	for shared < min(len(image.RootFS.Layers), len(other.RootFS.Layers)) && image.RootFS.Layers[shared] == other.RootFS.Layers[shared] {
		shared++
	}
	if shared == 0 {
		return image.Size, nil
	}
	history, err := e.client.ImageHistory(ctx, imageID)
	if err != nil {
		return 0, fmt.Errorf("layers of image %s: %w", imageID, err)
	}
	var sizes []int64
	for _, entry := range history.Items {
		sizes = append(sizes, entry.Size)
	}
	return newestLayers(sizes, len(image.RootFS.Layers)-shared), nil
}

// newestLayers adds up the newest layers of a history, which has them first.
// Its entries without a size are no layers, or empty ones.
func newestLayers(sizes []int64, count int) (sum int64) {
	for _, size := range sizes {
		if size > 0 && count > 0 {
			sum, count = sum+size, count-1
		}
	}
	return sum
}
