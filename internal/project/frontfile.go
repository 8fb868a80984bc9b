package project

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Limits for reading a front's configuration: it is evidence, not input.
const (
	maxFrontFiles     = 50
	maxFrontFileBytes = 256 << 10
)

// frontFile is one file of a front's configuration.
type frontFile struct {
	path string // on the host; empty where the compose file holds the content
	text string
}

// frontFiles reads the configuration that is mounted into a front from the host.
func frontFiles(p *Project, front Service) []frontFile {
	r := frontReader{front: front}
	for _, volume := range front.Volumes {
		if volume.Kind != VolumeBind {
			continue
		}
		status, err := os.Stat(volume.Source)
		switch {
		case err != nil:
		case status.Mode().IsRegular():
			r.read(volume.Source)
		case status.IsDir() && holdsConfiguration(volume.Target):
			for _, pattern := range []string{"*.conf", "*.template", "*.cfg", "Caddyfile", "*.yml", "*.yaml"} {
				r.match(filepath.Join(volume.Source, pattern))
			}
		}
	}
	for _, mount := range p.Compose.Services[front.Name].Configs {
		config := p.Compose.Configs[mount.Source]
		if config.Content != "" && len(r.files) < maxFrontFiles {
			r.files = append(r.files, frontFile{text: config.Content})
		} else if config.File != "" {
			r.read(config.File)
		}
	}
	if p.isNginx(front) {
		r.include()
	}
	return r.files
}

func holdsConfiguration(target string) bool {
	for _, directory := range []string{"/etc/nginx", "/etc/caddy", "/etc/traefik", "/usr/local/etc/haproxy", "/etc/haproxy", "/usr/local/apache2/conf"} {
		if strings.HasPrefix(target, directory) {
			return true
		}
	}
	return false
}

// frontReader reads each file once.
type frontReader struct {
	front Service
	files []frontFile
}

func (r *frontReader) read(file string) {
	known := slices.ContainsFunc(r.files, func(f frontFile) bool { return f.path == file })
	if known || len(r.files) >= maxFrontFiles {
		return
	}
	if content, err := readLimited(file, maxFrontFileBytes); err == nil {
		r.files = append(r.files, frontFile{path: file, text: string(content)})
	}
}

func (r *frontReader) match(pattern string) {
	matches, _ := filepath.Glob(pattern)
	for _, file := range matches {
		r.read(file)
	}
}

// include follows what the files of nginx include, as far as it is mounted.
func (r *frontReader) include() {
	for i := 0; i < len(r.files); i++ { // more may come
		for _, d := range readNginx(r.files[i].text) {
			if d.name() != "include" || len(d.words) < 2 {
				continue
			}
			inside := d.words[1].text
			if !path.IsAbs(inside) {
				inside = path.Join("/etc/nginx", inside)
			}
			if pattern := hostPath(r.front, inside); pattern != "" {
				r.match(pattern)
			}
		}
	}
}
