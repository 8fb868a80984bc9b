package engine

import (
	"context"
	"io"

	"github.com/moby/moby/client"
)

// ContainerStart is refused: the update starts containers itself.
func (c *createClient) ContainerStart(_ context.Context, id string, _ client.ContainerStartOptions) (client.ContainerStartResult, error) {
	return client.ContainerStartResult{}, refuse("start container " + id)
}

// ContainerStop is refused.
func (c *createClient) ContainerStop(_ context.Context, id string, _ client.ContainerStopOptions) (client.ContainerStopResult, error) {
	return client.ContainerStopResult{}, refuse("stop container " + id)
}

// ContainerRename is refused.
func (c *createClient) ContainerRename(_ context.Context, id string, _ client.ContainerRenameOptions) (client.ContainerRenameResult, error) {
	return client.ContainerRenameResult{}, refuse("rename container " + id)
}

// NetworkRemove is refused.
func (c *createClient) NetworkRemove(_ context.Context, name string, _ client.NetworkRemoveOptions) (client.NetworkRemoveResult, error) {
	return client.NetworkRemoveResult{}, refuse("remove network " + name)
}

// NetworkDisconnect is refused.
func (c *createClient) NetworkDisconnect(_ context.Context, name string, _ client.NetworkDisconnectOptions) (client.NetworkDisconnectResult, error) {
	return client.NetworkDisconnectResult{}, refuse("disconnect a container from network " + name)
}

// VolumeRemove is refused.
func (c *createClient) VolumeRemove(_ context.Context, name string, _ client.VolumeRemoveOptions) (client.VolumeRemoveResult, error) {
	return client.VolumeRemoveResult{}, refuse("remove volume " + name)
}

// ImagePull is refused: images are fetched before, by a step of their own.
func (c *createClient) ImagePull(_ context.Context, reference string, _ client.ImagePullOptions) (client.ImagePullResponse, error) {
	return nil, &ImageError{Kind: ImageMissing, Reference: reference}
}

// ImageBuild is refused: images are built before, by a step of their own.
func (c *createClient) ImageBuild(context.Context, io.Reader, client.ImageBuildOptions) (client.ImageBuildResult, error) {
	return client.ImageBuildResult{}, refuse("build an image")
}
