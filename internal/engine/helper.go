package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// HelperProgram is the program that helpers run, as the only file of an image.
type HelperProgram struct {
	// Image makes sure that the image is there and returns its ID.
	Image func(ctx context.Context) (string, error)
	// Command begins the command of every helper. What it does and the two
	// directories follow: that of the volume and that of the service.
	Command []string
}

// Where a helper sees the volume and what the service has mounted.
const (
	freshDirectory  = "/fresh"
	servedDirectory = "/served"
)

// WithHelper sets the program that helpers run.
func (w *Workbench) WithHelper(program HelperProgram) *Workbench {
	w.helper = program
	return w
}

// createHelper makes a container of this program that has nothing but the two
// directories, and no right but to give files their owners.
func (w *Workbench) createHelper(ctx context.Context, spec update.CreateSpec, service types.ServiceConfig) error {
	if w.helper.Image == nil {
		return errors.New("no program for helpers was set")
	}
	of, err := w.engine.inspect(ctx, spec.Helper.Of)
	if err != nil {
		return err
	}
	labels := of.Config.Labels
	fresh, served := inspected(of, labels[LabelBeside]), parsePlace(labels[LabelInstead])
	if labels[LabelRun] != spec.Run || fresh.kind != mount.TypeVolume || served.source == "" {
		return fmt.Errorf("%s has no volume beside that of its service", spec.Helper.Of)
	}
	image, err := w.helper.Image(ctx)
	if err != nil {
		return fmt.Errorf("image of a helper: %w", err)
	}
	options := client.ContainerCreateOptions{
		Name: spec.Name,
		Config: &container.Config{
			Image: image, User: "0:0", Labels: helperLabels(spec, service, labels[labelConfigHash]), NetworkDisabled: true,
			Cmd: append(w.helper.Command[:len(w.helper.Command):len(w.helper.Command)], spec.Helper.Act, freshDirectory, servedDirectory),
		},
		HostConfig: helperHost(spec.Helper.Act, fresh, served, of.HostConfig.UsernsMode),
	}
	_, err = w.engine.client.ContainerCreate(ctx, options)
	w.noteAnswer(spec, err)
	return createError(image, err)
}

// helperHost confines a helper. One that publishes only reads what was collected;
// the other tries whether the directory of the service can be written to.
func helperHost(act string, fresh, served place, users container.UsernsMode) *container.HostConfig {
	return &container.HostConfig{
		NetworkMode:    "none",
		UsernsMode:     users, // else it would see other owners
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
		ReadonlyRootfs: true,
		CapDrop:        []string{"ALL"},
		CapAdd:         []string{"CHOWN", "DAC_OVERRIDE", "FOWNER"},
		// The files have the label of another container where SELinux looks.
		SecurityOpt: []string{"no-new-privileges", "label=disable"},
		Mounts:      []mount.Mount{fresh.mount(freshDirectory, act == update.HelperPublish), served.mount(servedDirectory, false)},
		LogConfig:   container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "1"}},
	}
}

// helperLabels let docker compose down and an undo find a helper. docker compose
// sees nothing that has no config hash.
func helperLabels(spec update.CreateSpec, service types.ServiceConfig, configHash string) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, service.CustomLabels)
	labels[labelOneOff], labels[labelSlug], labels[labelConfigHash] = "True", slug(spec), configHash
	labels[LabelRole] = RoleHelper
	maps.Copy(labels, ownLabels(spec))
	return labels
}
