package engine

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// What a second server may take from those that work.
const (
	shadowMemory = 512 << 20
	lightShares  = 256 // of processor time, where 1024 is usual
)

// shadowOptions make a server quick, small and talkative. They come after those
// of the service, and so count before them.
var shadowOptions = []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=30", "max_wal_senders=0",
	"wal_level=minimal", "archive_mode=off", "log_statement=all", "log_line_prefix=gapless %p: ", "log_error_verbosity=terse", "log_min_error_statement=panic",
	"log_duration=off", "log_min_duration_statement=-1", "log_destination=stderr", "logging_collector=off", "lc_messages=C", "ssl=off"}

// StartShadow makes and starts an empty server like that of another container.
// It shares nothing with it but the image, the environment and what is mounted
// from the host for reading; where the other one writes, it has memory.
func (w *Workbench) StartShadow(ctx context.Context, spec update.ShadowSpec) error {
	of, err := w.engine.inspect(ctx, spec.Of)
	if err != nil {
		return err
	}
	image, err := w.engine.client.ImageInspect(ctx, of.Image)
	if err != nil {
		return createError(of.Image, err)
	}
	config := &container.Config{
		Image: of.Image, Env: of.Config.Env, User: of.Config.User, Entrypoint: of.Config.Entrypoint, Cmd: shadowCommand(of.Config.Cmd),
		WorkingDir: of.Config.WorkingDir, StopSignal: "SIGKILL", Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Labels: w.trialLabels(spec.Run, RoleShadow),
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(spec.Network), RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
		LogConfig:   container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "256m", "max-file": "1"}},
		SecurityOpt: []string{"no-new-privileges"}, Tmpfs: map[string]string{},
		Resources: container.Resources{Memory: shadowMemory, CPUShares: lightShares},
	}
	if image.Config != nil {
		for target := range image.Config.Volumes {
			host.Tmpfs[target] = memoryOptions(of.Config.User)
		}
	}
	shadowMounts(host, of.Mounts, of.Config.User)
	options := client.ContainerCreateOptions{Name: spec.Name, Config: config, HostConfig: host, NetworkingConfig: &network.NetworkingConfig{
		EndpointsConfig: map[string]*network.EndpointSettings{spec.Network: {Aliases: spec.Names}},
	}}
	if _, err := w.engine.client.ContainerCreate(ctx, options); err != nil {
		return err
	}
	return w.engine.Start(ctx, spec.Name)
}

// shadowMounts gives a shadow memory where the other server writes, and what that
// one only reads.
func shadowMounts(host *container.HostConfig, mounts []container.MountPoint, user string) {
	for _, m := range mounts {
		if reading := readOnlyMount(m); reading != nil {
			host.Mounts = append(host.Mounts, *reading)
			delete(host.Tmpfs, m.Destination)
		} else {
			host.Tmpfs[m.Destination] = memoryOptions(user)
		}
	}
}

// memoryOptions are those of a directory in memory. A server that is not started
// by root wants to own it.
func memoryOptions(user string) string {
	number, _, _ := strings.Cut(user, ":")
	if _, err := strconv.ParseUint(number, 10, 32); err != nil || number == "0" {
		return ""
	}
	return "mode=0700,uid=" + number
}

// shadowCommand adds the options to a command that is the server's own. A shell's
// would not get them.
func shadowCommand(command []string) []string {
	if len(command) == 0 || command[0] != "postgres" && !strings.HasSuffix(command[0], "/postgres") && !strings.HasPrefix(command[0], "-") {
		return command
	}
	command = slices.Clone(command)
	for _, option := range shadowOptions {
		command = append(command, "-c", option)
	}
	return command
}

// readOnlyMount lets a shadow read what another container only reads as well:
// files of the host, and directories that it cannot write to. nil: it gets an
// empty directory.
func readOnlyMount(m container.MountPoint) *mount.Mount {
	if m.Type != mount.TypeBind {
		return nil
	}
	stat, err := os.Stat(m.Source)
	if err != nil || stat.IsDir() && (m.RW || strings.HasPrefix(m.Destination, "/docker-entrypoint-initdb.d")) || stat.Mode()&os.ModeSocket != 0 {
		return nil
	}
	return &mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Destination, ReadOnly: true}
}

// OpenNetwork makes a network from which nothing else can be reached. An internal
// one alone has the host in it, and with it every port that the host publishes.
func (w *Workbench) OpenNetwork(ctx context.Context, name, run string) error {
	_, err := w.engine.client.NetworkCreate(ctx, name, client.NetworkCreateOptions{Driver: "bridge", Internal: true, Labels: w.trialLabels(run, ""),
		Options: map[string]string{"com.docker.network.bridge.inhibit_ipv4": "true"}})
	return err
}

// trialLabels are those of what a trial makes.
func (w *Workbench) trialLabels(run, role string) map[string]string {
	labels := map[string]string{LabelRun: run, LabelTrial: w.project.Name, LabelTool: toolName()}
	if role != "" {
		labels[LabelRole] = role
	}
	return labels
}

// Clear removes all that the trial of a run made.
func (w *Workbench) Clear(ctx context.Context, run string) error {
	return w.clearTrials(ctx, LabelRun+"="+run)
}

// ClearTrials removes what trials of the project left that did not come to their
// end. None may be under way.
func (w *Workbench) ClearTrials(ctx context.Context) error { return w.clearTrials(ctx) }

func (w *Workbench) clearTrials(ctx context.Context, labels ...string) error {
	labels = append(labels, LabelTrial+"="+w.project.Name)
	listing, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	failures := []error{w.engine.removeLabelled(ctx, labels...)}
	filters := make(client.Filters).Add("label", labels...)
	networks, err := w.engine.client.NetworkList(listing, client.NetworkListOptions{Filters: filters})
	failures = append(failures, err)
	for _, n := range networks.Items {
		if _, err := w.engine.client.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
