package engine

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"gapless/internal/update"
)

func composeRequest() client.ContainerCreateOptions {
	return client.ContainerCreateOptions{
		Name: "shop-web-4",
		Config: &container.Config{Labels: map[string]string{
			labelService: "web", labelNumber: "4", labelConfigHash: "hash", labelDependencies: "",
		}},
		HostConfig: &container.HostConfig{RestartPolicy: container.RestartPolicy{Name: "always"}},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			"front": {Aliases: []string{"shop-web-4", "web", "www"}},
			"back":  {Aliases: []string{"shop-web-4", "web"}},
		}},
	}
}

// Name, number, restart policy, our labels and the alias change; the rest,
// the config hash above all, stays.
func TestCreateRequestApply(t *testing.T) {
	original := composeRequest()
	options := original
	request := &createRequest{
		spec:         update.CreateSpec{Service: "web", Name: "shop-web-next", Number: 9, Run: "01RUN", Release: 43},
		dependencies: "db:service_healthy:false",
	}
	request.apply(&options)
	labels := map[string]string{
		labelService: "web", labelNumber: "9", labelConfigHash: "hash", labelDependencies: "db:service_healthy:false",
		LabelRun: "01RUN", LabelRelease: "43", LabelTool: toolName(),
	}
	if difference := cmp.Diff(labels, options.Config.Labels); difference != "" {
		t.Errorf("labels (- wanted, + got)\n%s", difference)
	}
	if options.Name != "shop-web-next" || options.HostConfig.RestartPolicy.Name != "no" {
		t.Errorf("%s, restart %s", options.Name, options.HostConfig.RestartPolicy.Name)
	}
	endpoints := options.NetworkingConfig.EndpointsConfig
	if difference := cmp.Diff([]string{"shop-web-next", "web", "www"}, endpoints["front"].Aliases); difference != "" {
		t.Error(difference)
	}
	if difference := cmp.Diff([]string{"shop-web-next", "web"}, endpoints["back"].Aliases); difference != "" {
		t.Error(difference)
	}
	if original.Config.Labels[labelNumber] != "4" || original.HostConfig.RestartPolicy.Name != "always" {
		t.Error("the request of the library was changed in place")
	}
}

func TestCreateRequestInherit(t *testing.T) {
	volume := func(name, destination string) container.MountPoint {
		return container.MountPoint{Type: mount.TypeVolume, Name: name, Destination: destination, RW: true}
	}
	request := &createRequest{
		imageVolumes: map[string]struct{}{"/declared": {}},
		inherited: []container.MountPoint{
			volume("anonymous", "/anonymous"), volume("declared", "/declared"), volume("gone", "/gone"),
			volume("bound", "/bound"), volume("old", "/named"),
			{Type: mount.TypeBind, Source: "/host", Destination: "/declared"},
		},
	}
	host := &container.HostConfig{
		Binds: []string{"/srv:/bound:rw"},
		Mounts: []mount.Mount{
			{Type: mount.TypeVolume, Target: "/anonymous"},
			{Type: mount.TypeVolume, Source: "new", Target: "/named"},
		},
	}
	wanted := []mount.Mount{
		{Type: mount.TypeVolume, Source: "anonymous", Target: "/anonymous"},
		{Type: mount.TypeVolume, Source: "new", Target: "/named"},
		{Type: mount.TypeVolume, Source: "declared", Target: "/declared"},
	}
	if difference := cmp.Diff(wanted, request.inherit(host)); difference != "" {
		t.Errorf("(- wanted, + got)\n%s", difference)
	}
	if len(host.Mounts) != 2 || host.Mounts[0].Source != "" {
		t.Error("the mounts of the library were changed in place")
	}
}

func TestBoundTo(t *testing.T) {
	for bind, wanted := range map[string]bool{"/a:/data": true, "/a:/data:ro": true, "/data:/b": false, "/data:/b:rw": false, "vol:/data:rw,z": true, "vol:/data/": true, "/data": false} {
		if got := boundTo([]string{bind}, "/data"); got != wanted {
			t.Errorf("%s: %t", bind, got)
		}
	}
}

func TestDependenciesLabel(t *testing.T) {
	service := types.ServiceConfig{}
	service.DependsOn = types.DependsOnConfig{
		"queue": {Condition: "service_started", Restart: true}, "db": {Condition: "service_healthy"},
	}
	if got := dependenciesLabel(service); got != "db:service_healthy:false,queue:service_started:true" {
		t.Error(got)
	}
}
