package project

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What only the deployment reads gives no new image; what a program may read
// from its image does.
func TestOutsideSource(t *testing.T) {
	directory := writeFiles(t, map[string]string{
		"compose.yaml": `
include: [more.yaml]
services:
  nginx:
    image: nginx:1.29
    ports: ["80:80"]
    volumes: ["./nginx/site.conf:/etc/nginx/conf.d/site.conf:ro", "./nginx/conf.d:/etc/nginx/conf.d/more:ro", "./media:/media:ro", "./static:/static:ro", ".:/all:ro"]
  edge:
    build: {context: ., dockerfile: edge.Dockerfile}
    image: nginx-edge
    x-gapless: {role: front}
  api:
    build: .
    env_file: [.env.api]
    volumes: ["./media:/app/media", "./src:/app/src"]
    depends_on: [db]
    secrets: [key]
    x-gapless: {role: web}
  worker: {build: ., env_file: [.env.worker], x-gapless: {role: worker}}
  db: {image: "postgres:17", volumes: ["./data:/var/lib/postgresql/data"]}
secrets: {key: {file: key.txt}}
`,
		"more.yaml": "services: {}\n", ".env.api": "", ".env.worker": "", ".env": "", "key.txt": "", "Dockerfile": "FROM python:3", "edge.Dockerfile": "FROM nginx",
	})
	loaded, err := Load(context.Background(), Options{ProjectDirectory: directory, Files: []string{filepath.Join(directory, "compose.yaml")}, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range loaded.OutsideSource("api") {
		got = append(got, strings.TrimPrefix(path, directory+"/"))
	}
	slices.Sort(got)
	want := []string{".env.api", "compose.yaml", "data", "edge.Dockerfile", "key.txt", "media", "more.yaml", "nginx/conf.d", "nginx/site.conf"}
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Error(diff)
	}
}
