package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// Inspect implements update.Containers.
func (w *Workbench) Inspect(ctx context.Context, name string) (update.Container, error) {
	return w.engine.Inspect(ctx, name)
}

// Inspect looks at a container by name or ID. It returns update.ErrNoContainer
// if there is none.
func (e *Engine) Inspect(ctx context.Context, name string) (update.Container, error) {
	found, err := e.inspect(ctx, name)
	if err != nil {
		return update.Container{}, err
	}
	return e.describe(ctx, found)
}

// inspect returns what the engine knows, or update.ErrNoContainer. A name
// matches whole: the engine alone would also take the beginning of an ID.
func (e *Engine) inspect(ctx context.Context, name string) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	result, err := e.client.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return container.InspectResponse{}, fmt.Errorf("%s: %w", name, update.ErrNoContainer)
	}
	if err != nil {
		return container.InspectResponse{}, err
	}
	found := result.Container
	if found.ID != name && strings.TrimPrefix(found.Name, "/") != name {
		return container.InspectResponse{}, fmt.Errorf("%s: %w", name, update.ErrNoContainer)
	}
	return found, nil
}

// HolderOf names the container that has a name, as one that is in the way; nil
// if the name is free.
func (e *Engine) HolderOf(ctx context.Context, name string) (*ForeignContainerError, error) {
	found, err := e.inspect(ctx, name)
	if errors.Is(err, update.ErrNoContainer) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &ForeignContainerError{Name: name, ID: found.ID, Origin: origin(found.Config.Labels)}, nil
}

// describe translates the engine's view of a container.
func (e *Engine) describe(ctx context.Context, c container.InspectResponse) (update.Container, error) {
	described := update.Container{
		Name:         strings.TrimPrefix(c.Name, "/"),
		ID:           c.ID,
		ImageID:      c.Image,
		RestartCount: c.RestartCount,
		Created:      parseTime(c.Created),
		Binds:        bindsOf(c.Mounts),
	}
	if c.Config != nil {
		labels := c.Config.Labels
		described.Service = labels[labelService]
		described.Number, _ = strconv.Atoi(labels[labelNumber])
		described.ConfigHash = labels[labelConfigHash]
		described.Run = labels[LabelRun]
		described.Beside = labels[LabelBeside]
		described.Image = c.Config.Image
		described.StopSignal = c.Config.StopSignal
		described.Entrypoint, described.Command = c.Config.Entrypoint, c.Config.Cmd
	}
	if c.HostConfig != nil {
		described.Restart = restartText(c.HostConfig.RestartPolicy)
	}
	if c.State != nil {
		described.Running = c.State.Running
		described.Restarting = c.State.Restarting
		described.OOMKilled = c.State.OOMKilled
		described.Unhealthy = c.State.Health != nil && c.State.Health.Status == container.Unhealthy
		described.ExitCode = c.State.ExitCode
		described.PID = c.State.Pid
		described.StartedAt = parseTime(c.State.StartedAt)
	}
	if !described.Running {
		return described, nil
	}
	var err error
	if described.Addresses, err = e.addresses(ctx, c); err != nil {
		return update.Container{}, fmt.Errorf("addresses of %s: %w", described.Name, err)
	}
	return described, nil
}

// bindsOf lists what of the host is mounted, by where.
func bindsOf(mounts []container.MountPoint) map[string]string {
	binds := map[string]string{}
	for _, m := range mounts {
		if m.Type == mount.TypeBind {
			binds[m.Destination] = m.Source
		}
	}
	return binds
}

// parseTime reads a time of the engine; its "never" is the zero time.
func parseTime(text string) time.Time {
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || parsed.Year() <= 1 {
		return time.Time{}
	}
	return parsed
}

// wasStarted tells whether a container ever ran.
func wasStarted(c container.InspectResponse) bool {
	return c.State != nil && !parseTime(c.State.StartedAt).IsZero()
}

// restartText writes a restart policy as in a compose file.
func restartText(policy container.RestartPolicy) string {
	switch {
	case policy.Name == "":
		return "no"
	case policy.Name == container.RestartPolicyOnFailure && policy.MaximumRetryCount > 0:
		return fmt.Sprintf("on-failure:%d", policy.MaximumRetryCount)
	}
	return string(policy.Name)
}

// parseRestart reads a restart policy as in a compose file.
func parseRestart(text string) (container.RestartPolicy, error) {
	name, count, counted := strings.Cut(text, ":")
	policy := container.RestartPolicy{Name: container.RestartPolicyMode(name)}
	switch policy.Name {
	case "":
		policy.Name = container.RestartPolicyDisabled
	case container.RestartPolicyDisabled, container.RestartPolicyAlways, container.RestartPolicyUnlessStopped, container.RestartPolicyOnFailure:
	default:
		return policy, fmt.Errorf("restart policy %q is none of no, always, unless-stopped, on-failure[:n]", text)
	}
	if counted {
		retries, err := strconv.Atoi(count)
		if err != nil || retries < 0 || policy.Name != container.RestartPolicyOnFailure {
			return policy, fmt.Errorf("restart policy %q is none of no, always, unless-stopped, on-failure[:n]", text)
		}
		policy.MaximumRetryCount = retries
	}
	return policy, nil
}
