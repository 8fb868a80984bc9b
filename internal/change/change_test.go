package change

import (
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"gapless/internal/project"
)

func text(value string) *string { return &value }

// TestCauses compares one service with one container and reads what the plan
// would say.
func TestCauses(t *testing.T) {
	var config types.ServiceConfig
	config.Image, config.Command = "shop:2", types.ShellCommand{"serve"}
	config.Environment = types.MappingWithEquals{"DEBUG": text("0"), "TOKEN": text("secret"), "PASSED": nil}
	volumes := []project.Volume{{Source: "/srv/shop/nginx/site.conf", Target: "/etc/nginx/conf.d/default.conf"}, {Source: "/etc/hosts", Target: "/hosts"}}
	p := &project.Project{Directory: "/srv/shop", Compose: &types.Project{Services: types.Services{"api": config}},
		Services: []project.Service{{Name: "api", Image: "shop:2", Replicas: 1, Volumes: volumes}}}
	mounts := map[string]string{"/etc/nginx/conf.d/default.conf": "1", "/hosts": "1"}
	for _, c := range []struct {
		what   string
		change func(config *types.ServiceConfig, container *Running)
		want   string
	}{
		{"nothing", func(*types.ServiceConfig, *Running) {}, ""},
		{"a variable", func(config *types.ServiceConfig, _ *Running) {
			config.Environment = types.MappingWithEquals{"DEBUG": text("1"), "TOKEN": text("other"), "OLD": nil, "PASSED": nil}
		}, "configuration changed (environment DEBUG OLD TOKEN)"},
		{"a variable without a value", func(config *types.ServiceConfig, _ *Running) {
			config.Environment = types.MappingWithEquals{"DEBUG": text("0"), "TOKEN": text("secret"), "PASSED": text("unset")}
		}, "configuration changed (environment PASSED)"},
		{"many variables", func(config *types.ServiceConfig, _ *Running) {
			config.Environment = types.MappingWithEquals{"A": nil, "B": nil, "DEBUG": text("0"), "C": nil, "D": nil, "TOKEN": text("secret")}
		}, "configuration changed (environment A B C and 2 others)"},
		{"other keys", func(config *types.ServiceConfig, _ *Running) {
			config.Command, config.Restart = types.ShellCommand{"old"}, "always"
		}, "configuration changed (command, restart)"},
		{"what the hash leaves out", func(config *types.ServiceConfig, container *Running) {
			config.Build, config.Profiles = &types.BuildConfig{}, []string{"a"}
		}, "configuration changed"},
		{"not recorded", func(_ *types.ServiceConfig, container *Running) {
			container.Config, container.ConfigHash = nil, "old"
		}, "configuration changed"},
		{"the image's name", func(config *types.ServiceConfig, container *Running) {
			config.Image, container.Image = "shop:1", "shop:1"
		}, "image shop:2, was shop:1"},
		{"the image's name and a variable", func(config *types.ServiceConfig, container *Running) {
			config.Image, container.Image, config.Environment = "shop:1", "shop:1", nil
		}, "image shop:2, was shop:1, configuration changed (environment DEBUG PASSED TOKEN)"},
		{"a mounted file", func(_ *types.ServiceConfig, container *Running) {
			container.Mounts = map[string]string{"/etc/nginx/conf.d/default.conf": "0", "/hosts": "0", "/gone": "1"}
		}, "nginx/site.conf changed (mounted), /etc/hosts changed (mounted)"},
		{"a mounted file that was replaced, not recorded", func(_ *types.ServiceConfig, container *Running) {
			container.Stale = []string{"/etc/nginx/conf.d/default.conf"}
		}, "nginx/site.conf was replaced on the host, the container has the old one (mounted)"},
		{"a mounted file that was replaced by the same", func(_ *types.ServiceConfig, container *Running) {
			container.Mounts, container.Stale = mounts, []string{"/hosts"}
		}, ""},
	} {
		before := config
		container := Running{Name: "shop-api-1", Image: "shop:2", ImageID: "id", ConfigHash: "same", Config: &before, Up: true}
		c.change(&before, &container)
		if diff := cmp.Diff(hashedFields(config), hashedFields(before)); diff != "" || c.want == "configuration changed" {
			container.ConfigHash = "old"
		}
		got := ""
		for _, found := range Detect(p, map[string]Wanted{"api": {Image: "shop:2", ImageID: "id", ConfigHash: "same", Mounts: mounts}}, map[string][]Running{"api": {container}}) {
			got = found.Words()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// A file that a container sees only when it is made anew is told from one that
// it can read again.
func TestStaleFiles(t *testing.T) {
	p := &project.Project{Services: []project.Service{{Name: "nginx", Image: "nginx", Replicas: 1}}}
	found := Detect(p, map[string]Wanted{"nginx": {Image: "nginx", Mounts: map[string]string{"/a": "2", "/b": "2", "/c": "2", "/d": "2"}}}, map[string][]Running{
		"nginx": {{Name: "nginx-1", Image: "nginx", Up: true, Mounts: map[string]string{"/a": "1", "/b": "1", "/c": "1"}, Stale: []string{"/b"}, Injected: []string{"/c", "/d"}}}})
	if diff := cmp.Diff([][]string{{"/a", "/b", "/c"}, {"/b", "/c"}}, [][]string{found[0].Files, found[0].Stale}); diff != "" {
		t.Error(diff)
	}
}

// An image is built anew when the one below it is another, if that is known.
func TestBaseImage(t *testing.T) {
	source := Source{Hash: "h", Settings: "s"}
	p := &project.Project{Services: []project.Service{{Name: "api", Build: true, BaseImage: "python:3.13", Replicas: 1}}}
	for was, want := range map[string]string{
		"sha256:aaaaaaaaaaaaaaaaaa": "base image python:3.13 changed (bbbbbbbbbbbb, was aaaaaaaaaaaa)", "": "", "sha256:bbbbbbbbbbbbbbbbbb": "",
	} {
		found := Detect(p, map[string]Wanted{"api": {Image: "api", ImageID: "id", Source: &source, BaseID: "sha256:bbbbbbbbbbbbbbbbbb"}},
			map[string][]Running{"api": {{Name: "api-1", Image: "api", ImageID: "id", Source: &source, BaseID: was, Up: true}}})
		got := ""
		if len(found) > 0 {
			got = found[0].Words()
			if !found[0].Build || !found[0].Source.Base || found[0].Source.StaticOnly() {
				t.Errorf("%+v", found[0])
			}
		}
		if got != want {
			t.Errorf("was %q: %q, want %q", was, got, want)
		}
	}
}
