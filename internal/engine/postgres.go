package engine

import (
	"archive/tar"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// Server describes the Postgres of a container that runs, as its image takes it
// from the environment.
func (w *Workbench) Server(ctx context.Context, name string) (update.PostgresServer, error) {
	found, err := w.engine.inspect(ctx, name)
	if err != nil {
		return update.PostgresServer{}, err
	}
	server := update.PostgresServer{ContainerID: found.ID, ImageID: found.Image, Names: []string{strings.TrimPrefix(found.Name, "/")}}
	server.Port = cmp.Or(environmentOf(found, "PGPORT"), "5432")
	user, err := w.engine.given(ctx, found, "POSTGRES_USER")
	if err != nil {
		return server, err
	}
	database, err := w.engine.given(ctx, found, "POSTGRES_DB")
	if err != nil {
		return server, err
	}
	server.User = cmp.Or(user, "postgres")
	server.Database = cmp.Or(database, server.User)
	if found.NetworkSettings == nil {
		return server, nil
	}
	for _, endpoint := range found.NetworkSettings.Networks {
		for _, alias := range slices.Concat(endpoint.Aliases, endpoint.DNSNames) {
			if !slices.Contains(server.Names, alias) && !strings.HasPrefix(found.ID, alias) {
				server.Names = append(server.Names, alias)
			}
		}
	}
	slices.Sort(server.Names)
	return server, nil
}

// Password is that of the administrator of a Postgres; empty: its image was told
// none.
func (w *Workbench) Password(ctx context.Context, name string) (string, error) {
	found, err := w.engine.inspect(ctx, name)
	if err != nil {
		return "", err
	}
	return w.engine.given(ctx, found, "POSTGRES_PASSWORD")
}

// given is what the image of a Postgres takes from its environment: a variable,
// or the file that NAME_FILE names.
func (e *Engine) given(ctx context.Context, c container.InspectResponse, variable string) (string, error) {
	value, file := environmentOf(c, variable), environmentOf(c, variable+"_FILE")
	if value != "" || file == "" {
		return value, nil
	}
	content, err := e.readFile(ctx, c.ID, file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE of %s: %w", variable, strings.TrimPrefix(c.Name, "/"), err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// environmentOf is a variable of a container; empty if it has none.
func environmentOf(c container.InspectResponse, wanted string) string {
	if c.Config == nil {
		return ""
	}
	for _, variable := range c.Config.Env {
		if name, value, _ := strings.Cut(variable, "="); name == wanted {
			return value
		}
	}
	return ""
}

// fileBytes bounds a file that is read from a container.
const fileBytes = 64 << 10

// readFile reads a small file of a container, as of a secret.
func (e *Engine) readFile(ctx context.Context, id, path string) ([]byte, error) {
	return e.readFileOf(ctx, id, path, fileBytes)
}

// readFileOf reads a file of at most so many bytes.
func (e *Engine) readFileOf(ctx context.Context, id, path string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, injectWait)
	defer cancel()
	answer, err := e.client.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: path})
	if err != nil {
		return nil, err
	}
	defer answer.Content.Close()
	packed := tar.NewReader(answer.Content)
	if header, err := packed.Next(); err != nil || header.Typeflag != tar.TypeReg || header.Size > most {
		return nil, fmt.Errorf("%s is no small regular file", path)
	}
	return io.ReadAll(packed)
}
