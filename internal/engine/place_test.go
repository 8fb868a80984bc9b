package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"gapless/internal/update"
)

// A container that works beside its service has a fresh volume where the
// service has what is served, and nowhere else; where what runs has something
// else there, nothing changes.
func TestStandBeside(t *testing.T) {
	other := mount.Mount{Type: mount.TypeVolume, Source: "other", Target: "/other"}
	fresh := mount.Mount{Type: mount.TypeVolume, Target: "/app/static", VolumeOptions: &mount.VolumeOptions{NoCopy: true}}
	for name, c := range map[string]struct {
		host    container.HostConfig
		running []place
		instead string // empty: the request stays as it is
	}{
		"volume as a bind":  {container.HostConfig{Binds: []string{"shop_static:/app/static:rw", "/a:/app"}}, []place{{mount.TypeVolume, "shop_static"}}, "volume:shop_static"},
		"volume as a mount": {container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: "shop_static", Target: "/app/static/"}}}, []place{{}, {mount.TypeVolume, "shop_static"}}, "volume:shop_static"},
		"directory":         {container.HostConfig{Binds: []string{"/srv/static/:/app/static"}}, []place{{mount.TypeBind, "/srv/static"}}, "bind:/srv/static"},
		"another volume":    {container.HostConfig{Binds: []string{"shop_new:/app/static:rw"}}, []place{{mount.TypeVolume, "shop_static"}}, ""},
		"another kind":      {container.HostConfig{Binds: []string{"shop_static:/app/static:rw"}}, []place{{mount.TypeBind, "shop_static"}}, ""},
		"nothing runs":      {container.HostConfig{Binds: []string{"shop_static:/app/static:rw"}}, nil, ""},
		"anonymous":         {container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeVolume, Target: "/app/static"}}}, []place{{}}, ""},
		"part of a volume": {container.HostConfig{Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: "shop_static", Target: "/app/static",
			VolumeOptions: &mount.VolumeOptions{Subpath: "x"}}}}, []place{{mount.TypeVolume, "shop_static"}}, ""},
		"nothing there": {container.HostConfig{}, []place{{}}, ""},
	} {
		options := composeRequest()
		options.Config.Volumes = map[string]struct{}{"/app/static": {}, "/var": {}}
		c.host.Mounts = append(c.host.Mounts, other)
		options.HostConfig = &c.host
		before := c.host
		request := &createRequest{spec: update.CreateSpec{Service: "web", Name: "shop-web-static", Command: []string{"collect"}, Beside: "/app/static"}, running: c.running}
		request.apply(&options)
		labels := options.Config.Labels
		if labels[LabelInstead] != c.instead || (labels[LabelBeside] == "/app/static") != (c.instead != "") {
			t.Errorf("%s: labels %v", name, labels)
		}
		wanted, volumes := before, map[string]struct{}{"/app/static": {}, "/var": {}}
		if wanted.RestartPolicy.Name = "no"; c.instead != "" {
			wanted.Mounts = []mount.Mount{other, fresh}
			wanted.Binds = before.Binds[:0:0]
			if name == "volume as a bind" {
				wanted.Binds = []string{"/a:/app"}
			}
			delete(volumes, "/app/static")
		}
		if difference := cmp.Diff(wanted, *options.HostConfig); difference != "" {
			t.Errorf("%s (- wanted, + got)\n%s", name, difference)
		}
		if difference := cmp.Diff(volumes, options.Config.Volumes); difference != "" {
			t.Errorf("%s: volumes (- wanted, + got)\n%s", name, difference)
		}
	}
}

// A place survives being written on a label, also one with a colon in it.
func TestPlaceText(t *testing.T) {
	for _, p := range []place{{mount.TypeVolume, "shop_static"}, {mount.TypeBind, "/srv/a:b"}} {
		if back := parsePlace(p.String()); back != p {
			t.Errorf("%v came back as %v", p, back)
		}
	}
	if p := parsePlace(""); p.source != "" {
		t.Errorf("%v", p)
	}
}

// A helper that publishes only reads what was collected.
func TestHelperMounts(t *testing.T) {
	for act, freshReadOnly := range map[string]bool{update.HelperPrepare: false, update.HelperPublish: true} {
		host := helperHost(act, place{mount.TypeVolume, "f00"}, place{mount.TypeBind, "/srv"}, "")
		if m := host.Mounts; m[0].ReadOnly != freshReadOnly || m[1].ReadOnly || m[0].Target != freshDirectory || m[1].Source != "/srv" {
			t.Errorf("%s: %+v", act, host.Mounts)
		}
	}
}
