package change

import (
	"fmt"
	"strings"

	"gapless/internal/project"
)

// builtFrom tells whether all containers run what the build context would
// give. A build that was not recorded counts as different: it may be.
func builtFrom(containers []Running, want Wanted) bool {
	for _, container := range containers {
		if container.Source == nil || want.Source == nil || container.Source.Hash != want.Source.Hash || otherBase(container, want) {
			return false
		}
	}
	return len(containers) > 0
}

// otherBase tells whether a build would start from another image than the
// container's did, as far as both are known.
func otherBase(container Running, want Wanted) bool {
	return container.BaseID != "" && want.BaseID != "" && container.BaseID != want.BaseID
}

// compareSource says what differs in the build context, as far as it is known
// of every container.
func (c *Change) compareSource(service project.Service, want Wanted, containers []Running) {
	unknown := !want.Source.isListed() || len(containers) == 0
	for _, container := range containers {
		unknown = unknown || !container.Source.isListed()
	}
	if !unknown {
		for _, container := range containers {
			difference, causes := want.Source.since(*container.Source)
			c.Source = c.Source.and(difference)
			c.add(causes...)
			if otherBase(container, want) {
				c.Source.Base = true
				c.add(Cause{KindBase, fmt.Sprintf("base image %s changed (%s, was %s)", service.BaseImage, short(want.BaseID), short(container.BaseID))})
			}
		}
	}
	if c.Source.StaticOnly() {
		for i := range c.Causes {
			c.Causes[i].Words = strings.Replace(c.Causes[i].Words, staticChanged, "static files only", 1)
		}
	}
	if len(c.Causes) == 0 {
		c.Source = SourceChange{}
		words := "source changed"
		if len(containers) == 0 || containers[0].Source == nil {
			words = "source may have changed"
		}
		c.add(Cause{KindSource, words + "; what changed in it is not known yet"})
	}
}
