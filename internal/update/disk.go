package update

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// diskReserve stays free: a full disk stops databases and logs too.
	diskReserve = 256 << 20
	// DiskTight is what should be left of the disk.
	DiskTight = 1 << 30
	// DiskHint is what to do about a disk that gets full. It leaves alone what a
	// container or a kept release uses.
	DiskHint = "docker image prune and docker builder prune make room; images of kept releases stay"
)

// imagesFit refuses an update whose new images would fill the disk, and says
// it where they nearly do.
func (p *Planner) imagesFit() error {
	disk := p.state.Disk
	if disk == nil || len(fetching(p.prepare)) == 0 {
		return nil
	}
	if disk.Unknown != "" {
		p.note("", false, "whether the disk has room for the new images is not known: %s", disk.Unknown)
		return nil
	}
	need, what := newImages(p.prepare, disk)
	left := disk.FreeBytes - need
	var figures string
	if need > 0 {
		figures = fmt.Sprintf("the new images need about %s (a guess: %s); ", BytesText(need), strings.Join(what, "; "))
	}
	figures += fmt.Sprintf("%s are free in %s", BytesText(disk.FreeBytes), disk.Directory)
	switch {
	case left < diskReserve:
		return &RefusedError{
			Reason:  fmt.Sprintf("the disk has too little room: %s, of which %s stay in reserve", figures, BytesText(diskReserve)),
			Instead: DiskHint,
		}
	case left < DiskTight:
		p.note("", false, "the disk gets tight: %s", figures)
	}
	return nil
}

// Fits tells whether the new image of a service would leave the reserve. What
// is not known does.
func (d *Disk) Fits(serviceName string) bool {
	return d == nil || d.Unknown != "" || d.FreeBytes-d.NewImages[serviceName].Bytes >= diskReserve
}

// diskBytes is what the new images of a plan take; 0 if that is not known.
func (p *Plan) diskBytes(state State) int64 {
	bytes, _ := newImages(p.Steps(), state.Disk)
	return bytes
}

// fetching lists the services whose new image is built or pulled.
func fetching(steps []Step) []string {
	var names []string
	for _, step := range steps {
		switch s := step.(type) {
		case *BuildStep:
			if s.Built == "" {
				names = append(names, s.Service)
			}
		case *PullStep:
			names = append(names, s.Service)
		}
	}
	slices.Sort(names)
	return names
}

// newImages forecasts what the new images take on the disk, and says what that
// is judged by.
func newImages(steps []Step, disk *Disk) (bytes int64, what []string) {
	if disk == nil {
		return 0, nil
	}
	for _, name := range fetching(steps) {
		if image := disk.NewImages[name]; image.Bytes > 0 {
			bytes += image.Bytes
			what = append(what, fmt.Sprintf("%s %s, %s", name, BytesText(image.Bytes), image.Like))
		}
	}
	return bytes, what
}
