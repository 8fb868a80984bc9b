package engine

import (
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// TestHolds: a volume is held under its name, a directory of the host also by whoever
// has one above or below it.
func TestHolds(t *testing.T) {
	c := container.InspectResponse{Mounts: []container.MountPoint{
		{Type: mount.TypeVolume, Name: "shop_media", Destination: "/media", RW: true},
		{Type: mount.TypeBind, Source: "/srv/cache", Destination: "/data"},
	}}
	for name, w := range map[string]struct{ volume, directory, target string }{
		"volume":          {"shop_media", "", "/media"},
		"another volume":  {"shop_media2", "", ""},
		"directory":       {"", "/srv/cache", "/data"},
		"above":           {"", "/srv", "/data"},
		"below":           {"", "/srv/cache/a", "/data"},
		"beside":          {"", "/srv/cache2", ""},
		"nothing at all":  {"", "", ""},
		"a bind's volume": {"/srv/cache", "", ""},
	} {
		if found, has := holds(c, w.volume, w.directory); found.Destination != w.target || has != (w.target != "") {
			t.Errorf("%s: %q", name, found.Destination)
		}
	}
}
