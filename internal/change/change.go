// Package change finds out what differs between what runs and what is wanted,
// and says it in words.
//
// It reads build contexts to know whether a build would give something new.
// It must not decide what to do about a difference; update does.
package change

import (
	"fmt"
	"slices"
	"strings"

	"gapless/internal/project"
)

// Kind is why a container does not fit any more.
type Kind string

// The kinds of causes.
const (
	KindImage    Kind = "image"    // other image content
	KindSource   Kind = "source"   // the build context changed
	KindBase     Kind = "base"     // the image that it is built upon changed
	KindConfig   Kind = "config"   // the compose file or an env file changed
	KindFiles    Kind = "files"    // a file that is mounted from the host changed
	KindMissing  Kind = "missing"  // no container yet
	KindDown     Kind = "down"     // a container that should run does not
	KindReplicas Kind = "replicas" // too few or too many
	KindData     Kind = "data"     // what it works on is exchanged, so that it must stop
)

// Cause is one difference, with what was and what is wanted.
type Cause struct {
	Kind  Kind   `json:"kind"`
	Words string `json:"words"`
}

// Change is everything that differs for one service.
type Change struct {
	Service string
	Causes  []Cause
	Source  SourceChange // what differs in the build context; only where Build is set
	Config  ConfigChange // what differs in the configuration
	Files   []string     // targets of mounted files that differ
	Stale   []string     // of those: what a container sees only once it starts again or, if it was copied, is made anew
	Build   bool         // the image must be built first
	Pull    bool         // the image must be fetched first
	Replace []string     // containers that do not fit
	Keep    []string     // containers that fit
	Missing int          // containers to add beside the replaced ones
	Surplus []string     // containers that fit but are too many
}

// Has tells whether one of the causes is of a kind.
func (c Change) Has(kinds ...Kind) bool {
	return slices.ContainsFunc(c.Causes, func(cause Cause) bool { return slices.Contains(kinds, cause.Kind) })
}

// Words joins the causes.
func (c Change) Words() string {
	var words []string
	for _, cause := range c.Causes {
		words = append(words, cause.Words)
	}
	return strings.Join(words, ", ")
}

// Detect compares each service of the project with its containers, which are
// given in the order of their numbers. Services without a difference are left
// out.
func Detect(p *project.Project, wanted map[string]Wanted, running map[string][]Running) []Change {
	var changes []Change
	for _, service := range p.Services {
		c := detectService(p, service, wanted[service.Name], running[service.Name])
		if len(c.Causes) > 0 {
			changes = append(changes, c)
		}
	}
	return changes
}

func detectService(p *project.Project, service project.Service, want Wanted, containers []Running) Change {
	c := Change{Service: service.Name}
	c.needImage(service, want, containers)
	for _, container := range containers {
		causes := append(c.compare(p, service, want, container), c.compareFiles(p, want, container)...)
		if len(causes) == 0 {
			c.Keep = append(c.Keep, container.Name)
			continue
		}
		c.Replace = append(c.Replace, container.Name)
		c.add(causes...)
	}
	c.count(service, len(containers))
	return c
}

// needImage finds out whether an image must be made or fetched.
func (c *Change) needImage(service project.Service, want Wanted, containers []Running) {
	switch {
	case service.Replicas == 0:
		// Nothing would run the image.
	case service.Build && want.ImageID == "":
		c.Build = true
		c.add(Cause{KindSource, "image not built yet"})
	case service.Build && !builtFrom(containers, want):
		c.Build = true
		c.compareSource(service, want, containers)
	case !service.Build && want.ImageID == "":
		c.Pull = true
		c.add(Cause{KindImage, "image " + want.Image + " is not on this host"})
	}
}

func (c *Change) compare(p *project.Project, service project.Service, want Wanted, container Running) []Cause {
	var causes []Cause
	renamed := container.Image != want.Image
	switch {
	case c.Build || c.Pull:
		causes = append(causes, c.Causes[0])
	case renamed:
		causes = append(causes, Cause{KindImage, fmt.Sprintf("image %s, was %s", want.Image, container.Image)})
	case want.ImageID != container.ImageID:
		causes = append(causes, Cause{KindImage, fmt.Sprintf("image changed (%s, was %s)", short(want.ImageID), short(container.ImageID))})
	}
	if want.ConfigHash != container.ConfigHash {
		causes = append(causes, c.compareConfig(p, container, renamed)...)
	}
	if service.Role == project.RoleJob {
		if !container.Up && container.ExitCode != 0 {
			causes = append(causes, Cause{KindDown, fmt.Sprintf("last run ended with code %d", container.ExitCode)})
		}
	} else if !container.Up {
		causes = append(causes, Cause{KindDown, container.Name + " is not running"})
	}
	return causes
}

// compareConfig says what differs in the configuration of a container. The
// name of the image is part of its hash: under another name another hash alone
// says nothing.
func (c *Change) compareConfig(p *project.Project, container Running, renamed bool) []Cause {
	difference := ConfigChange{}
	if p.Compose != nil && container.Config != nil {
		was := *container.Config
		if renamed {
			was.Image = p.Compose.Services[c.Service].Image
		}
		difference = compareConfig(was, p.Compose.Services[c.Service])
	}
	if renamed && len(difference.Environment)+len(difference.Fields) == 0 {
		return nil
	}
	c.Config = c.Config.and(difference)
	return []Cause{{KindConfig, difference.words()}}
}

// count compares the number of containers with the replicas.
func (c *Change) count(service project.Service, have int) {
	switch {
	case have == 0 && service.Replicas > 0:
		c.Missing = service.Replicas
		c.add(Cause{KindMissing, "not there yet"})
	case have < service.Replicas:
		c.Missing = service.Replicas - have
		c.add(Cause{KindReplicas, fmt.Sprintf("%d of %d replicas", have, service.Replicas)})
	case have > service.Replicas:
		c.add(Cause{KindReplicas, fmt.Sprintf("%d replicas, %d wanted", have, service.Replicas)})
		c.shrink(have - service.Replicas)
	}
}

// shrink marks containers as surplus, those that fit last.
func (c *Change) shrink(tooMany int) {
	for ; tooMany > 0 && len(c.Replace) > 0; tooMany-- {
		last := len(c.Replace) - 1
		c.Surplus = append(c.Surplus, c.Replace[last])
		c.Replace = c.Replace[:last]
	}
	for ; tooMany > 0 && len(c.Keep) > 0; tooMany-- {
		last := len(c.Keep) - 1
		c.Surplus = append(c.Surplus, c.Keep[last])
		c.Keep = c.Keep[:last]
	}
}

// add appends causes that are not there yet.
func (c *Change) add(causes ...Cause) {
	for _, cause := range causes {
		known := false
		for _, have := range c.Causes {
			known = known || have == cause
		}
		if !known {
			c.Causes = append(c.Causes, cause)
		}
	}
}

func short(imageID string) string {
	id := strings.TrimPrefix(imageID, "sha256:")
	if id == "" {
		return "none"
	}
	return id[:min(12, len(id))]
}
