package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"gapless/internal/update"
)

// Pin is a tag of ours on the image that a release ran.
type Pin struct {
	Reference string
	Service   string
	Release   int
	ImageID   string
}

// Pins lists the tags of ours for a project, oldest release first.
func (e *Engine) Pins(ctx context.Context, projectName string) ([]Pin, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	images, err := e.client.ImageList(ctx, client.ImageListOptions{
		Filters: make(client.Filters).Add("reference", update.PinPrefix+projectName+"/*"),
	})
	if err != nil {
		return nil, err
	}
	var pins []Pin
	for _, image := range images.Items {
		for _, tag := range image.RepoTags {
			if pin, ok := parsePin(projectName, tag); ok {
				pin.ImageID = image.ID
				pins = append(pins, pin)
			}
		}
	}
	slices.SortFunc(pins, func(a, b Pin) int {
		if a.Release != b.Release {
			return a.Release - b.Release
		}
		return strings.Compare(a.Service, b.Service)
	})
	return pins, nil
}

// parsePin reads a tag of ours for the project.
func parsePin(projectName, reference string) (Pin, bool) {
	rest, ours := strings.CutPrefix(reference, update.PinPrefix+projectName+"/")
	service, number, tagged := strings.Cut(rest, ":r")
	release, err := strconv.Atoi(number)
	if !ours || !tagged || err != nil || strings.Contains(service, "/") {
		return Pin{}, false
	}
	return Pin{Reference: reference, Service: service, Release: release}, true
}

// RemovePins removes tags of ours. The content goes too if nothing else names
// or uses it; it is never forced out from under a container.
func (e *Engine) RemovePins(ctx context.Context, pins []Pin) error {
	for _, pin := range pins {
		if !strings.HasPrefix(pin.Reference, update.PinPrefix) {
			return fmt.Errorf("%s is no pin of gapless", pin.Reference)
		}
		if err := e.untag(ctx, pin.Reference); err != nil {
			return err
		}
	}
	return nil
}
