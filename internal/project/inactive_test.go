package project

import (
	"context"
	"path/filepath"
	"testing"
)

// A service of another profile exists, also in the record of a release, and one
// that is not in the file does not.
func TestInactiveProfile(t *testing.T) {
	directory := writeFiles(t, map[string]string{"compose.yaml": "name: shop\nservices:\n  api: {image: api}\n  admin: {image: admin, profiles: [tools]}\n"})
	for name, profiles := range map[string][]string{"inactive": nil, "active": {"tools"}} {
		t.Run(name, func(t *testing.T) {
			loaded, err := Load(context.Background(), Options{Files: []string{filepath.Join(directory, "compose.yaml")}, Profiles: profiles})
			if err != nil {
				t.Fatal(err)
			}
			content, err := loaded.Render()
			if err != nil {
				t.Fatal(err)
			}
			recorded, err := LoadRendered(context.Background(), content, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []*Project{loaded, recorded} {
				if p.Inactive("admin") != (profiles == nil) || p.Inactive("api") || p.Inactive("gone") {
					t.Errorf("admin %t, api %t, gone %t", p.Inactive("admin"), p.Inactive("api"), p.Inactive("gone"))
				}
				if _, ok := p.Service("admin"); ok != (profiles != nil) {
					t.Errorf("admin is a service: %t", ok)
				}
			}
		})
	}
}
