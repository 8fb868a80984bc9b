package engine

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// TestBinds: what of the host a container has mounted is known, and no volume is
// taken for that.
func TestBinds(t *testing.T) {
	described, err := (&Engine{}).describe(context.Background(), container.InspectResponse{ID: "id1", Mounts: []container.MountPoint{
		{Type: mount.TypeBind, Source: "/srv/shop/upstreams", Destination: "/etc/nginx/upstreams"},
		{Type: mount.TypeVolume, Source: "/var/lib/docker/volumes/static/_data", Destination: "/srv/static"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"/etc/nginx/upstreams": "/srv/shop/upstreams"}, described.Binds); diff != "" {
		t.Error(diff)
	}
}
