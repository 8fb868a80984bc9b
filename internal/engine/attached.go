package engine

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// AttachedContainer describes a container that runs one program with its
// standard streams in our hands. It is gone when the program has ended.
type AttachedContainer struct {
	Name    string
	Run     string // identity of whoever made it
	Project string // that it works for
	Role    string // value of LabelRole
	ImageID string
	Command []string // the whole of it: the entrypoint of the image is not run
	User    string   // empty: that of the image
	Env     []string
	// Join is the ID of the container whose network it shares; empty: it has no
	// network but its own loopback.
	Join string
	// Files are put into it, readable for its root alone, before it starts.
	Files map[string][]byte
	// ScratchBytes makes /tmp a file system in memory of that size; 0: /tmp is on
	// the disk of the engine.
	ScratchBytes int64
	Mounts       []AttachedMount
	// AllFiles lets it read, write and give away the files of every owner.
	AllFiles    bool
	MemoryBytes int64     // limit, its scratch included; 0: none
	Light       bool      // it gets the processor time that others leave
	Stdin       io.Reader // nil: empty
	Stdout      io.Writer // nil: dropped
	Stderr      io.Writer // nil: kept for the error alone
}

// AttachedMount gives a volume, or a directory of the host, to an attached
// container.
type AttachedMount struct {
	Volume, Source string // neither: an empty volume that goes with the container
	Target         string
	ReadOnly       bool
}

// mount is what the engine is asked for. Nothing of an image gets into a volume.
func (a AttachedMount) mount() mount.Mount {
	if a.Source != "" {
		return place{mount.TypeBind, a.Source}.mount(a.Target, a.ReadOnly)
	}
	return place{mount.TypeVolume, a.Volume}.mount(a.Target, a.ReadOnly)
}

// EndedError says how a program in a container failed.
type EndedError struct {
	Name string
	Code int
	Last []string // lines of its standard error
}

func (e *EndedError) Error() string {
	text := fmt.Sprintf("%s ended with code %d", e.Name, e.Code)
	if len(e.Last) > 0 {
		text += ": " + strings.Join(e.Last, "; ")
	}
	return text
}

// RunAttached runs a program to its end. One that is cancelled is removed. What
// is written to Stdout has left the program before this returns nil, and code 0
// is the only success.
func (e *Engine) RunAttached(ctx context.Context, spec AttachedContainer) (err error) {
	id, err := e.createAttached(ctx, spec)
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := e.remove(context.WithoutCancel(ctx), id, true); err == nil {
			err = removeErr
		}
	}()
	if err := e.putFiles(ctx, id, spec.Files); err != nil {
		return err
	}
	streams, err := e.client.ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdin: spec.Stdin != nil, Stdout: true, Stderr: true})
	if err != nil {
		return err
	}
	defer streams.Close()
	stop := context.AfterFunc(ctx, streams.Close) // a read does not know the context
	defer stop()
	if err := e.Start(ctx, id); err != nil {
		return err
	}
	fed := feed(&streams.HijackedResponse, spec.Stdin)
	kept := &tail{}
	_, copyErr := stdcopy.StdCopy(orDiscard(spec.Stdout), io.MultiWriter(kept, orDiscard(spec.Stderr)), streams.Reader)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if copyErr != nil {
		return copyErr
	}
	code, err := e.awaitCode(ctx, id)
	if err != nil {
		return err
	}
	select {
	case err := <-fed: // what could not be read to the end made the program fail
		if err != nil {
			return err
		}
	default: // it ended without reading everything
	}
	if code != 0 {
		return &EndedError{Name: spec.Name, Code: code, Last: kept.lines(execOutputLines)}
	}
	return nil
}

// feed copies to the standard input of a container, and closes it. The error is
// that of the source: a program may stop reading.
func feed(streams *client.HijackedResponse, from io.Reader) <-chan error {
	fed := make(chan error, 1)
	if from == nil {
		fed <- nil
		return fed
	}
	go func() {
		source := &remembering{from: from}
		_, _ = io.Copy(streams.Conn, source)
		fed <- source.failure // before the program can end of it
		_ = streams.CloseWrite()
	}()
	return fed
}

// remembering keeps the error of a source apart from that of where it goes.
type remembering struct {
	from    io.Reader
	failure error
}

func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.failure = err
	}
	return n, err
}

func orDiscard(to io.Writer) io.Writer {
	if to == nil {
		return io.Discard
	}
	return to
}

// awaitCode waits for the end of a container whose outputs are closed.
func (e *Engine) awaitCode(ctx context.Context, id string) (int, error) {
	for {
		found, err := e.inspect(ctx, id)
		if err != nil {
			return 0, err
		}
		if !found.State.Running {
			return found.State.ExitCode, nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return 0, err
		}
	}
}

// createAttached asks for the container.
func (e *Engine) createAttached(ctx context.Context, spec AttachedContainer) (string, error) {
	network := "none"
	if spec.Join != "" {
		network = "container:" + spec.Join
	}
	processes := int64(512)
	host := &container.HostConfig{
		NetworkMode:   container.NetworkMode(network),
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
		CapDrop:       []string{"ALL"},
		SecurityOpt:   []string{"no-new-privileges"},
		// Its output may be a whole database, which must not be logged too.
		LogConfig: container.LogConfig{Type: "none"},
		Resources: container.Resources{PidsLimit: &processes, Memory: spec.MemoryBytes, MemorySwap: spec.MemoryBytes},
	}
	if spec.Light {
		host.CPUShares = lightShares
	}
	if spec.ScratchBytes > 0 {
		host.Tmpfs = map[string]string{"/tmp": fmt.Sprintf("rw,nosuid,nodev,mode=1777,size=%d", spec.ScratchBytes)}
	}
	for _, m := range spec.Mounts {
		host.Mounts = append(host.Mounts, m.mount())
	}
	if spec.AllFiles {
		host.CapAdd = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP"}
		// The files have the label of another container where SELinux looks.
		host.SecurityOpt = append(host.SecurityOpt, "label=disable")
	}
	labels := map[string]string{LabelRun: spec.Run, LabelRole: spec.Role, LabelProject: spec.Project, LabelTool: toolName()}
	// A request that is given up goes on in the engine, so that this one is not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startWait)
	defer cancel()
	created, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: spec.Name,
		Config: &container.Config{
			Image: spec.ImageID, Entrypoint: spec.Command[:1:1], Cmd: spec.Command[1:], User: spec.User, Env: spec.Env, Labels: labels,
			WorkingDir: "/", AttachStdin: spec.Stdin != nil, OpenStdin: spec.Stdin != nil, StdinOnce: spec.Stdin != nil, AttachStdout: true, AttachStderr: true,
			Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		},
		HostConfig: host,
	})
	if err != nil {
		return "", createError(spec.ImageID, err)
	}
	return created.ID, nil
}

// putFiles copies files into a container that was not started yet.
func (e *Engine) putFiles(ctx context.Context, id string, files map[string][]byte) error {
	for name, content := range files {
		packed, err := packFile(&tar.Header{Name: name, Mode: 0o600}, content)
		if err != nil {
			return err
		}
		if err := e.putPacked(ctx, id, packed, false); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAttached removes what earlier processes have left of a role for a
// project, whether it still runs or not.
func (e *Engine) RemoveAttached(ctx context.Context, project, role string) error {
	return e.removeLabelled(ctx, LabelProject+"="+project, LabelRole+"="+role)
}
