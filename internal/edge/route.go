package edge

import (
	"bytes"
	"sort"
	"strings"
)

// route leads from a path prefix to a service.
type route struct {
	prefix  string
	service *service
}

// table holds the routes of one listener: by exact host, by wildcard (its key is the
// part behind the star), and for any host.
type table struct {
	exact, wildcard map[string][]route
	any             []route
}

func newTable() *table {
	return &table{exact: map[string][]route{}, wildcard: map[string][]route{}}
}

func (t *table) add(host string, r route) {
	switch {
	case host == "":
		t.any = longestFirst(append(t.any, r))
	case strings.HasPrefix(host, "*."):
		t.wildcard[host[1:]] = longestFirst(append(t.wildcard[host[1:]], r))
	default:
		t.exact[host] = longestFirst(append(t.exact[host], r))
	}
}

func longestFirst(routes []route) []route {
	sort.SliceStable(routes, func(i, j int) bool {
		return len(routes[i].prefix) > len(routes[j].prefix)
	})
	return routes
}

// find prefers the exact host, then the longest wildcard, then any host; within each
// the longest prefix.
func (t *table) find(host, path []byte) *service {
	if len(t.exact) > 0 || len(t.wildcard) > 0 {
		var space [256]byte
		name := lowerHost(space[:0], host)
		if s := match(t.exact[string(name)], path); s != nil {
			return s
		}
		for dot := bytes.IndexByte(name, '.'); dot >= 0 && len(t.wildcard) > 0; {
			if s := match(t.wildcard[string(name[dot:])], path); s != nil {
				return s
			}
			next := bytes.IndexByte(name[dot+1:], '.')
			if next < 0 {
				break
			}
			dot += 1 + next
		}
	}
	return match(t.any, path)
}

func match(routes []route, path []byte) *service {
	for _, r := range routes {
		if hasPrefix(path, r.prefix) {
			return r.service
		}
	}
	return nil
}

// hasPrefix matches whole segments: "/api" covers "/api" and "/api/x", not "/apix".
func hasPrefix(path []byte, prefix string) bool {
	if prefix == "/" {
		return true
	}
	if len(path) < len(prefix) || string(path[:len(prefix)]) != prefix {
		return false
	}
	return len(path) == len(prefix) || path[len(prefix)] == '/' || prefix[len(prefix)-1] == '/'
}

// lowerHost drops the port and a trailing dot, and folds ASCII case.
func lowerHost(space, host []byte) []byte {
	if colon := bytes.LastIndexByte(host, ':'); colon >= 0 && bytes.IndexByte(host[colon:], ']') < 0 {
		host = host[:colon]
	}
	host = bytes.TrimSuffix(host, []byte("."))
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		space = append(space, c)
	}
	return space
}
