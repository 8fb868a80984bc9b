package project

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// nginxRewrite finds where files of nginx pass requests on to one service, and
// how the same is said of a unix socket. Directives keep their meaning: a
// request has the path afterwards that it had before.
type nginxRewrite struct {
	files  [][]nginxDirective
	names  []string // by which nginx knows the service
	port   int      // of the service
	socket string   // as nginx sees it

	changes []nginxChange
	byHand  []nginxPlace // that cannot be said of a socket
	direct  bool         // a request got the service's name for its Host by default
}

// nginxPlace is a word of a file.
type nginxPlace struct {
	file int
	word nginxWord
}

// nginxChange puts other words in the place of one.
type nginxChange struct {
	nginxPlace
	fresh string
}

// find looks through all files.
func (r *nginxRewrite) find() {
	for i, directives := range r.files {
		for _, d := range directives {
			if len(d.words) < 2 {
				continue
			}
			at := nginxPlace{i, d.words[1]}
			switch name := d.name(); {
			case name == "server" && len(d.block()) > 0 && d.block()[0] == "upstream":
				r.server(i, d)
			case name == "proxy_pass":
				r.proxyPass(at)
			case strings.HasSuffix(name, "_pass") && r.isService(withoutScheme(at.word.text)):
				r.byHand = append(r.byHand, at) // another protocol than HTTP/1
			}
		}
	}
}

// server is a line of an upstream block.
func (r *nginxRewrite) server(file int, d nginxDirective) {
	if !r.isService(d.words[1].text) {
		return
	}
	r.change(nginxPlace{file, d.words[1]}, "unix:"+r.socket)
	for _, word := range d.words[2:] {
		if word.text == "resolve" { // a socket has no name to look up
			r.change(nginxPlace{file, word}, "")
		}
	}
}

// proxyPass names a service, or a variable that holds its name or its URL.
func (r *nginxRewrite) proxyPass(at nginxPlace) {
	if name, rest, is := variable(at.word.text); is && rest == "" {
		for _, value := range r.valuesOf(name) {
			r.url(value)
		}
		return
	}
	address, plain := strings.CutPrefix(at.word.text, "http://")
	if name, rest, is := variable(address); plain && is {
		r.hostVariable(at, name, rest)
		return
	}
	r.url(at)
}

// url is a whole URL of the service.
func (r *nginxRewrite) url(at nginxPlace) {
	address := withoutScheme(at.word.text)
	host, path := address, ""
	if end := strings.IndexAny(address, "/$"); end >= 0 {
		host, path = address[:end], address[end:]
	}
	switch {
	case !r.isService(host):
	case !strings.HasPrefix(at.word.text, "http://"):
		r.byHand = append(r.byHand, at)
	default:
		r.direct = true
		r.change(at, r.socketURL(path))
	}
}

// hostVariable is a URL whose host a variable holds, with what follows it.
func (r *nginxRewrite) hostVariable(at nginxPlace, name, rest string) {
	port, path := rest, ""
	if end := strings.IndexAny(rest, "/$"); end >= 0 {
		port, path = rest[:end], rest[end:]
	}
	values := r.valuesOf(name)
	ours := slices.DeleteFunc(slices.Clone(values), func(v nginxPlace) bool { return !r.isService(v.word.text + port) })
	switch {
	case len(ours) == 0:
	case len(ours) == len(values):
		r.direct = true
		r.change(at, r.socketURL(path))
	case port == "" && path == "":
		r.direct = true
		for _, value := range ours {
			r.change(value, "unix:"+r.socket)
		}
	default:
		r.byHand = append(r.byHand, at)
	}
}

// valuesOf lists what a variable is set to.
func (r *nginxRewrite) valuesOf(name string) []nginxPlace {
	var values []nginxPlace
	for i, directives := range r.files {
		for _, d := range directives {
			block := d.block()
			switch {
			case d.name() == "set" && len(d.words) == 3 && d.words[1].text == "$"+name:
				values = append(values, nginxPlace{i, d.words[2]})
			case len(block) == 3 && block[0] == "map" && block[2] == "$"+name && len(d.words) == 2:
				values = append(values, nginxPlace{i, d.words[1]})
			}
		}
	}
	return values
}

// variable splits a text that begins with a variable.
func variable(text string) (name, rest string, is bool) {
	text, is = strings.CutPrefix(text, "$")
	if braced, found := strings.CutPrefix(text, "{"); found {
		name, rest, _ = strings.Cut(braced, "}")
		return name, rest, is
	}
	end := strings.IndexFunc(text, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], is
}

func withoutScheme(text string) string {
	if _, address, found := strings.Cut(text, "://"); found {
		return address
	}
	return text
}

// isService tells whether an address with or without a port is the service's.
func (r *nginxRewrite) isService(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, "80"
	}
	return slices.Contains(r.names, host) && port == strconv.Itoa(r.port)
}

func (r *nginxRewrite) socketURL(path string) string {
	if path == "" {
		return "http://unix:" + r.socket
	}
	return "http://unix:" + r.socket + ":" + path
}

// change notes a change, once: two directives may use one variable.
func (r *nginxRewrite) change(at nginxPlace, fresh string) {
	if c := (nginxChange{at, fresh}); !slices.Contains(r.changes, c) {
		r.changes = append(r.changes, c)
	}
}

// changedLine is a line with the changes of its words.
func changedLine(line string, changes []nginxChange) string {
	changes = slices.SortedFunc(slices.Values(changes), func(a, b nginxChange) int { return b.word.from - a.word.from })
	for _, c := range changes {
		before, behind := line[:c.word.from], line[c.word.to:]
		if c.fresh == "" {
			before = strings.TrimRight(before, " \t")
		}
		line = before + c.fresh + behind
	}
	return line
}

// takesTheRest tells whether the requests that no other location takes go to
// the service.
func takesTheRest(p *Project, service, front Service) bool {
	r := newRewrite(p, service, front, "")
	for i, directives := range r.files {
		for _, d := range directives {
			if d.name() != "proxy_pass" || len(d.words) < 2 || !slices.Equal(d.block(), []string{"location", "/"}) {
				continue
			}
			if r.isUpstream(withoutScheme(d.words[1].text)) {
				return true
			}
			r.proxyPass(nginxPlace{i, d.words[1]})
		}
	}
	return len(r.changes) > 0
}

// isUpstream tells whether an upstream block has the service for a server.
func (r *nginxRewrite) isUpstream(name string) bool {
	return slices.ContainsFunc(slices.Concat(r.files...), func(d nginxDirective) bool {
		return d.name() == "server" && len(d.words) > 1 && slices.Equal(d.block(), []string{"upstream", name}) && r.isService(d.words[1].text)
	})
}
