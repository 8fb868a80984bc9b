package engine

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// listedClient answers the listing and nothing else.
type listedClient struct {
	client.APIClient
	items []container.Summary
}

func (c listedClient) ContainerList(context.Context, client.ContainerListOptions) (client.ContainerListResult, error) {
	return client.ContainerListResult{Items: slices.Clone(c.items)}, nil
}

func (c listedClient) ContainerCreate(context.Context, client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	return client.ContainerCreateResult{ID: "made"}, nil
}

func (c listedClient) ContainerRemove(context.Context, string, client.ContainerRemoveOptions) (client.ContainerRemoveResult, error) {
	return client.ContainerRemoveResult{}, nil
}

func summary(service, number, run string) container.Summary {
	return container.Summary{ID: service + number, Names: []string{"/shop-" + service + "-" + number}, Labels: map[string]string{
		labelProject: "shop", labelService: service, labelNumber: number, LabelRun: run,
	}}
}

func guardedClient(fixedName bool) *createClient {
	return &createClient{
		APIClient: listedClient{items: []container.Summary{
			summary("web", "1", ""), summary("web", "2", "now"), summary("db", "1", ""), summary("db", "2", "now"), summary("mail", "1", ""),
		}},
		request:     &createRequest{spec: update.CreateSpec{Service: "web", Name: "shop-web-3", Number: 3, Run: "now"}},
		projectName: "shop",
		fixedName:   fixedName,
	}
}

func listedIDs(t *testing.T, c *createClient, filters client.Filters) []string {
	t.Helper()
	list, err := c.ContainerList(context.Background(), client.ContainerListOptions{Filters: filters})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, item := range list.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// The library sees one running predecessor in place of the service, and of
// other services those that this update has made already.
func TestCreateClientListing(t *testing.T) {
	stock := make(client.Filters).Add("label", labelProject+"=shop", labelConfigHash)
	if got := listedIDs(t, guardedClient(false), stock); !slices.Equal(got, []string{"db2", "mail1", "gapless-predecessor"}) {
		t.Error(got)
	}
	if got := listedIDs(t, guardedClient(true), stock); !slices.Equal(got, []string{"db2", "mail1"}) {
		t.Errorf("with a fixed name: %v", got)
	}
	links := make(client.Filters).Add("label", labelProject+"=shop", labelConfigHash, labelService+"=db")
	if got := listedIDs(t, guardedClient(false), links); len(got) != 5 {
		t.Errorf("another listing was changed: %v", got)
	}
	if number := guardedClient(false).predecessor().Labels[labelNumber]; number != "2" {
		t.Errorf("predecessor of 3 has number %s", number)
	}
}

// Nothing that exists is changed by a creation.
func TestCreateClientRefuses(t *testing.T) {
	ctx, c := context.Background(), guardedClient(false)
	refusals := map[string]func() error{
		"start":   func() error { _, err := c.ContainerStart(ctx, "db1", client.ContainerStartOptions{}); return err },
		"stop":    func() error { _, err := c.ContainerStop(ctx, "db1", client.ContainerStopOptions{}); return err },
		"remove":  func() error { _, err := c.ContainerRemove(ctx, "db1", client.ContainerRemoveOptions{}); return err },
		"rename":  func() error { _, err := c.ContainerRename(ctx, "db1", client.ContainerRenameOptions{}); return err },
		"network": func() error { _, err := c.NetworkRemove(ctx, "front", client.NetworkRemoveOptions{}); return err },
		"disconnect": func() error {
			_, err := c.NetworkDisconnect(ctx, "front", client.NetworkDisconnectOptions{})
			return err
		},
		"connect": func() error {
			_, err := c.NetworkConnect(ctx, "front", client.NetworkConnectOptions{Container: "db1"})
			return err
		},
		"volume": func() error { _, err := c.VolumeRemove(ctx, "data", client.VolumeRemoveOptions{}); return err },
		"build":  func() error { _, err := c.ImageBuild(ctx, nil, client.ImageBuildOptions{}); return err },
		"create another": func() error {
			_, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &container.Config{Labels: map[string]string{labelService: "db"}}})
			return err
		},
		"create a hook": func() error {
			_, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &container.Config{Labels: map[string]string{labelService: "web", labelHook: "pre_start"}}})
			return err
		},
	}
	for act, try := range refusals {
		var refused *RefusedError
		if err := try(); !errors.As(err, &refused) {
			t.Errorf("%s: %v", act, err)
		}
	}
	var image *ImageError
	if _, err := c.ImagePull(ctx, "shop:2", client.ImagePullOptions{}); !errors.As(err, &image) || image.Kind != ImageMissing {
		t.Errorf("pull: %v", err)
	}
	if _, err := c.ContainerCreate(ctx, composeRequest()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ContainerRemove(ctx, "made", client.ContainerRemoveOptions{}); err != nil {
		t.Errorf("the library may take back what it made: %v", err)
	}
}
