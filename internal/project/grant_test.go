package project

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGrants(t *testing.T) {
	directory := writeFiles(t, map[string]string{"compose.yaml": `
services:
  a:
    image: a:1
    privileged: true
    pid: host
    cap_add: [ALL, CHOWN]
    security_opt: ["seccomp:unconfined"]
    volumes: ["/:/host", "/etc/localtime:/etc/localtime:ro", "/var/run/docker.sock:/s", "./data:/data", "../..:/up"]
  b: {image: b:1, volumes: ["./x:/x"]}
`})
	loaded, err := Load(context.Background(), Options{ProjectDirectory: directory, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, grant := range loaded.Grants() {
		got = append(got, grant.Service+" "+grant.What)
	}
	want := []string{
		"a privileged", "a pid: host", "a cap_add: ALL", "a security_opt: seccomp:unconfined",
		"a mounts /", "a mounts /etc/localtime", "a mounts /var/run/docker.sock", "a mounts " + filepath.Dir(filepath.Dir(directory)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
