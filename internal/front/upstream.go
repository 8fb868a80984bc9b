package front

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"

	"gapless/internal/update"
)

// upstream is who serves one service. A file holds one: for nginx, and in a
// comment for whoever reads it back.
type upstream struct {
	Format  int      `json:"format"`
	Service string   `json:"service"`
	Port    int      `json:"port"`
	Targets []server `json:"targets,omitempty"`
}

// server is one container.
type server struct {
	Container  string `json:"container"`
	Generation string `json:"generation"`
	Weight     int    `json:"weight"`  // 0: gets no requests
	Address    string `json:"address"` // host:port when it was written
}

const (
	upstreamFormat = 1
	comment        = "# gapless "
)

// upstreamOf describes a route.
func upstreamOf(c update.RouteChange) upstream {
	u := upstream{Format: upstreamFormat, Service: c.Service, Port: c.Route.Port}
	for _, t := range c.Targets {
		u.Targets = append(u.Targets, server{Container: t.Container, Generation: t.Generation, Weight: t.Weight, Address: t.Address})
	}
	return u
}

// text is the file. Containers stand in it by their names, which nginx looks up
// when it reads it: an address may be another container's after a restart of
// the host. byAddress is for an nginx that cannot look them up. Those that do
// not run are left out, because one name that nobody has makes nginx refuse
// all of its configuration.
func (u upstream) text(byAddress bool, runs func(containerName string) bool) string {
	mark, err := json.Marshal(u)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by gapless at each switch; an edit is lost.\n%s%s\nupstream %s {\n", comment, mark, u.Service)
	serving := 0
	for _, s := range u.Targets {
		host, port, err := net.SplitHostPort(s.Address)
		if err != nil || s.Weight < 1 || !runs(s.Container) {
			continue
		}
		if !byAddress {
			host = s.Container
		}
		weight := ""
		if s.Weight > 1 {
			weight = fmt.Sprintf(" weight=%d", s.Weight)
		}
		fmt.Fprintf(&b, "\tserver %s%s;\n", net.JoinHostPort(host, port), weight)
		serving++
	}
	if serving == 0 {
		b.WriteString("\tserver 127.0.0.1:1 down; # nobody serves\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// parse reads a file back. One that we did not write is no upstream of ours.
func parse(text string) (u upstream, ours bool) {
	for line := range strings.Lines(text) {
		if mark, is := strings.CutPrefix(strings.TrimSpace(line), comment); is {
			err := json.Unmarshal([]byte(mark), &u)
			return u, err == nil && u.Format == upstreamFormat
		}
	}
	return u, false
}

// serving lists the containers that get requests.
func (u upstream) serving() []string {
	var names []string
	for _, s := range u.Targets {
		if s.Weight > 0 {
			names = append(names, s.Container)
		}
	}
	return names
}

// route is the upstream in the words of a plan. One whose containers have other
// addresses now than nginx was told is outdated.
func (u upstream) route(addressOf func(containerName string) string) update.RouteState {
	route := update.RouteState{Port: u.Port}
	for _, s := range u.Targets {
		ref := update.TargetRef{Container: s.Container, Generation: s.Generation, Weight: s.Weight}
		host, port, err := net.SplitHostPort(s.Address)
		if err == nil {
			fmt.Sscan(port, &ref.Port)
		}
		route.Targets = append(route.Targets, ref)
		now := addressOf(s.Container)
		route.Outdated = route.Outdated || s.Weight > 0 && now != "" && now != host
	}
	return route
}

// leavers lists the containers that lose their requests.
func leavers(before, after map[string]upstream) []string {
	var stay, leave []string
	for _, u := range after {
		stay = append(stay, u.serving()...)
	}
	for _, u := range before {
		for _, name := range u.serving() {
			if !slices.Contains(stay, name) {
				leave = append(leave, name)
			}
		}
	}
	return leave
}
