package main

import "slices"

const (
	oldTag  = "bench-old"
	newTag  = "bench-new"
	fastTag = "bench-fast" // the new version without its slow boot

	exampleFile  = "examples/shop/compose.yaml"
	hostPortFile = "examples/shop/compose.hostport.yaml"
	guideFile    = "scripts/guide/compose.nginx.yaml"
)

// way is one manner to bring a new version into service.
type way struct {
	name    string
	summary string
	file    string   // compose file
	first   []string // deploys the first version
	update  []string // brings the new one
	remove  []string // also needed to clean up
	// sameVersion says that the update keeps the image.
	sameVersion bool
	fast        bool // the new version boots at once
	needsFront  bool
}

// tag is the version that the update brings.
func (w way) tag() string {
	switch {
	case w.sameVersion:
		return oldTag
	case w.fast:
		return fastTag
	}
	return newTag
}

// ways returns all of them; those of Gapless only when there is a binary.
func ways(gapless string) []way {
	up := []string{"docker", "compose", "-f", hostPortFile, "up", "-d"}
	guideUp := []string{"docker", "compose", "-f", guideFile, "up", "-d"}
	all := []way{
		{name: "up", summary: "docker compose up -d, fixed host port", file: hostPortFile, first: up, update: up},
		{name: "up-nginx", summary: "docker compose up -d behind nginx", file: guideFile, first: guideUp,
			update: []string{"scripts/guide/up.sh"}, needsFront: true},
		{name: "restart-nginx", summary: "docker compose restart api behind nginx", file: guideFile, first: guideUp,
			update: []string{"scripts/guide/hot-reload.sh"}, sameVersion: true, needsFront: true},
		{name: "rolling-script", summary: "the guide's rolling update behind nginx", file: guideFile, first: guideUp,
			update: []string{"scripts/guide/rolling-update.sh"}, needsFront: true},
		{name: "quick-script", summary: "the guide's quick update behind nginx", file: guideFile, first: guideUp,
			update: []string{"scripts/guide/quick-update.sh"}, needsFront: true},
	}
	if gapless == "" {
		return all
	}
	first := []string{gapless, "update", "--yes", "-f", exampleFile}
	one := way{name: "gapless", summary: "gapless update", file: exampleFile, first: first, update: first,
		remove: []string{gapless, "edge", "stop", "--yes"}}
	only := one
	only.name, only.summary = "gapless-api", "gapless update api: one service of the same update"
	only.update = append(slices.Clone(first), "api")
	fast := only
	fast.name, fast.summary, fast.fast = "gapless-api-fast", "gapless update api: to a version that boots at once", true
	return append([]way{one, only, fast}, all...)
}
