package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/client"
)

// injectWait bounds the copy of one file into a container.
const injectWait = 30 * time.Second

// injectFiles copies those configs and secrets into a container that come
// from the compose file or the environment and thus cannot be mounted. docker
// compose does it when it starts a container; it is done at the creation
// here, because the start must stay a single act.
func (w *Workbench) injectFiles(ctx context.Context, service types.ServiceConfig, id string) error {
	for _, file := range w.injectedFiles(service) {
		if err := w.inject(ctx, service, id, file); err != nil {
			return err
		}
	}
	return nil
}

// injectedFiles lists the secrets and configs of a service.
func (w *Workbench) injectedFiles(service types.ServiceConfig) []injectedFile {
	var files []injectedFile
	for _, secret := range service.Secrets {
		source := types.FileObjectConfig(w.project.Secrets[secret.Source])
		files = append(files, injectedFile{"secret", "/run/secrets", types.FileReferenceConfig(secret), source})
	}
	for _, config := range service.Configs {
		source := types.FileObjectConfig(w.project.Configs[config.Source])
		files = append(files, injectedFile{"config", "/", types.FileReferenceConfig(config), source})
	}
	return files
}

// contentOf is the content of a config or secret that the compose file or the
// environment holds; held is false where a file does.
func (w *Workbench) contentOf(file injectedFile) (content string, held bool, err error) {
	if file.source.Content != "" {
		return file.source.Content, true, nil
	}
	if file.source.Environment == "" {
		return "", false, nil
	}
	value, set := w.project.Environment[file.source.Environment]
	if !set {
		return "", false, fmt.Errorf("environment variable %s, required by %s %s, is not set", file.source.Environment, file.kind, file.reference.Source)
	}
	return value, true, nil
}

// injectedFile is a config or secret on its way into a container.
type injectedFile struct {
	kind      string
	directory string // that a relative target is under
	reference types.FileReferenceConfig
	source    types.FileObjectConfig
}

func (w *Workbench) inject(ctx context.Context, service types.ServiceConfig, id string, file injectedFile) error {
	content, held, err := w.contentOf(file)
	if err != nil {
		return err
	}
	if !held || content == "" {
		return nil
	}
	if service.ReadOnly {
		return fmt.Errorf("%s %s cannot be put into service %s, which is read_only: only a file can be mounted there", file.kind, file.reference.Source, service.Name)
	}
	archive, err := file.archive(content)
	if err != nil {
		return fmt.Errorf("%s %s: %w", file.kind, file.reference.Source, err)
	}
	return w.engine.putPacked(ctx, id, archive, file.reference.UID != "" || file.reference.GID != "")
}

// putPacked unpacks a tar in a container. owners: with the owners that it names.
func (e *Engine) putPacked(ctx context.Context, id string, packed io.Reader, owners bool) error {
	ctx, cancel := context.WithTimeout(ctx, injectWait)
	defer cancel()
	_, err := e.client.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: "/", Content: packed, CopyUIDGID: owners})
	return err
}

// packFile makes a tar of a single file.
func packFile(header *tar.Header, content []byte) (*bytes.Buffer, error) {
	header.Size, header.ModTime = int64(len(content)), time.Now()
	packed := &bytes.Buffer{}
	writer := tar.NewWriter(packed)
	if err := writer.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	return packed, writer.Close()
}

// target is where the file appears in the container.
func (f injectedFile) target() string {
	name := f.reference.Target
	if name == "" {
		name = f.reference.Source
	}
	if path.IsAbs(name) {
		return name
	}
	return path.Join(f.directory, name)
}

// archive packs the content as the single file of a tar.
func (f injectedFile) archive(content string) (*bytes.Buffer, error) {
	header := &tar.Header{Name: f.target(), Mode: 0o444}
	if f.reference.Mode != nil {
		header.Mode = int64(*f.reference.Mode)
	}
	var err error
	if header.Uid, err = numericID(f.reference.UID); err != nil {
		return nil, err
	}
	if header.Gid, err = numericID(f.reference.GID); err != nil {
		return nil, err
	}
	return packFile(header, []byte(content))
}

// numericID reads a user or group number; empty is root.
func numericID(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	return strconv.Atoi(text)
}
