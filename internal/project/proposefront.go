package project

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// enoughConnections is the worker_connections below which an nginx runs out of
// them while requests wait: each of these has two, and what it cannot have a
// connection for it answers with none.
const enoughConnections = 4096

// socketDirectory is where the sockets of the edge are, on the host and in the
// containers that are to see them.
const socketDirectory = "/run/gapless"

// proposeFront works out how a front that stands before the edge gets its
// requests there: the mount of the socket, which is an edit of the compose file,
// and the change of nginx's own files, which is only shown.
func (r *Proposal) proposeFront(p *Project, target, front Service, socket string) {
	if socket == "" || passesToEdge(p, front) {
		return
	}
	if !p.isNginx(front) {
		r.note("%s must pass requests to the edge once: mount %s into it and replace %s:%d in its configuration with unix:%s",
			front.Name, path.Dir(socket), target.Name, target.HTTPPort, socket)
		return
	}
	inside := r.mountSocket(p, front, socket)
	files := frontFiles(p, front)
	if len(files) == 0 {
		r.note("%s must pass requests to the edge once: its configuration is in its image, where proxy_pass and server are to name unix:%s instead of %s:%d",
			front.Name, inside, target.Name, target.HTTPPort)
		return
	}
	rewrite := newRewrite(p, target, front, inside)
	rewrite.find()
	r.show(files, rewrite, front, target)
	r.noteConnections(files, rewrite.files, front)
	r.noteReloads(rewrite.files, front)
}

// noteBeginning says how a front that is to pass the requests on by itself begins
// to: it reads who serves once it is made anew with its mount and its include.
func (r *Proposal) noteBeginning(front string) {
	r.note("%s begins to pass the requests on by itself with two commands: gapless update %s makes it anew, with a gap, and reads who serves from then on; gapless update brings everything else, now and later", front, front)
}

// newRewrite looks for a service in the files of a front.
func newRewrite(p *Project, target, front Service, socket string) nginxRewrite {
	rewrite := nginxRewrite{names: p.namesOf(target), port: target.HTTPPort, socket: socket}
	if target.Route != nil {
		rewrite.port = target.Route.Port
	}
	for _, f := range frontFiles(p, front) {
		rewrite.files = append(rewrite.files, readNginx(f.text))
	}
	return rewrite
}

// mountSocket proposes to mount the directory of the socket where it is not,
// and returns the path under which the front sees it.
func (r *Proposal) mountSocket(p *Project, front Service, socket string) string {
	for _, volume := range front.Volumes {
		relative, err := filepath.Rel(volume.Source, socket)
		if volume.Kind == VolumeBind && err == nil && filepath.IsLocal(relative) {
			return path.Join(volume.Target, relative)
		}
	}
	directory := path.Dir(socket)
	r.addVolume(p, front, directory+":"+directory)
	return socket
}

// namesOf lists the names by which other containers reach a service.
func (p *Project) namesOf(service Service) []string {
	names := []string{service.Name, p.ContainerNameOf(service.Name, 1)}
	if service.ContainerName != "" {
		names = append(names, service.ContainerName)
	}
	for _, network := range p.Compose.Services[service.Name].Networks {
		if network != nil {
			names = append(names, network.Aliases...)
		}
	}
	return names
}

// show keeps the change of nginx's files, and says what goes with it.
func (r *Proposal) show(files []frontFile, rewrite nginxRewrite, front, target Service) {
	for _, at := range rewrite.byHand {
		r.note("%s:%d: %s cannot be sent through the edge as it is written, which takes HTTP/1.1 without TLS: it stays, and has a gap at each update",
			files[at.file].path, at.word.line, at.word.text)
	}
	shown := false
	for i, f := range files {
		edits := lineEdits(f, i, rewrite.changes)
		if len(edits) == 0 {
			continue
		}
		shown = true
		if f.path == "" {
			for _, e := range edits {
				r.note("a config of the compose file is to be changed for %s by hand: %s", front.Name, strings.TrimSpace(e.Lines[0]))
			}
			continue
		}
		r.shown = append(r.shown, shownFile{frontFile: f, edits: edits})
	}
	switch {
	case !shown:
		r.note("%s must pass requests to the edge once: in its configuration proxy_pass and server are to name unix:%s instead of %s:%d, which is in none of the mounted files",
			front.Name, rewrite.socket, target.Name, target.HTTPPort)
	case rewrite.direct && !setsHost(rewrite.files):
		r.note("%s sends no Host of its own: with a socket it is \"localhost\", so add this beside proxy_pass: proxy_set_header Host $http_host;", front.Name)
	}
}

// lineEdits are the changed lines of one file, from the first to the last.
func lineEdits(f frontFile, index int, changes []nginxChange) []Edit {
	lines := strings.Split(f.text, "\n")
	byLine := map[int][]nginxChange{}
	for _, c := range changes {
		if c.file == index {
			byLine[c.word.line] = append(byLine[c.word.line], c)
		}
	}
	var edits []Edit
	for number, changes := range byLine {
		edits = append(edits, Edit{File: f.path, First: number, Count: 1, Lines: []string{changedLine(lines[number-1], changes)}})
	}
	slices.SortFunc(edits, func(a, b Edit) int { return a.First - b.First })
	return edits
}

// setsHost tells whether nginx is told which Host to pass on.
func setsHost(files [][]nginxDirective) bool {
	return slices.ContainsFunc(slices.Concat(files...), func(d nginxDirective) bool {
		return d.name() == "proxy_set_header" && len(d.words) > 1 && strings.EqualFold(d.words[1].text, "host")
	})
}

// noteConnections warns of too few connections. Where nginx's main file is not
// mounted, it is the image's.
func (r *Proposal) noteConnections(files []frontFile, read [][]nginxDirective, front Service) {
	const cost = "while requests wait each of them takes two, and nginx closes connections without an answer when they are used up"
	advice := fmt.Sprintf("write worker_connections %d; or more into events { }", enoughConnections)
	main := -1
	for i, directives := range read {
		for _, d := range directives {
			switch {
			case d.name() == "worker_connections" && len(d.words) > 1:
				if count, err := strconv.Atoi(d.words[1].text); err == nil && count < enoughConnections {
					r.note("%s:%d: %s has %d connections for each worker: %s; %s", files[i].path, d.words[0].line, front.Name, count, cost, advice)
				}
				return
			case d.name() == "events" || d.name() == "http":
				main = i
			}
		}
	}
	if main >= 0 {
		r.note("%s: %s has 512 connections for each worker, because worker_connections is not set: %s; %s", files[main].path, front.Name, cost, advice)
		return
	}
	r.note("%s: how many connections each worker has is said in its image, 1024 in nginx's own: %s; mount an nginx.conf with worker_connections %d; or more in events { }", front.Name, cost, enoughConnections)
}

// noteReloads says how a change of nginx's own files costs fewer requests, where
// clients connect to nginx itself.
func (r *Proposal) noteReloads(read [][]nginxDirective, front Service) {
	const directive = "keepalive_min_timeout"
	if slices.ContainsFunc(slices.Concat(read...), func(d nginxDirective) bool { return d.name() == directive }) {
		return
	}
	r.note("%s closes idle connections when it reads its files again, and a request that is sent on one at that moment is lost: with nginx 1.27.4 or newer, %s 1s; in http { } makes that rarer", front.Name, directive)
}
