package update

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// MemoryFigure is what a container uses and may still take, of its own limit or of
// the host.
type MemoryFigure struct {
	Used int64
	Room int64 // 0: not known
}

// A climb is judged by so many samples over so long a time, and taken for a leak if
// it would reach the limit soon.
const (
	memoryEvery   = 5 * time.Second
	memoryAtLeast = 2 * time.Minute
	memoryHorizon = 2 * time.Hour
	smallestClimb = 16 << 20
	memorySamples = 720 // one hour; older ones are thinned out
)

// climb is the memory of one container over time.
type climb struct {
	container string
	times     []time.Duration
	used      []int64
	room      int64
}

func (c *climb) add(at time.Duration, figure MemoryFigure) {
	c.times, c.used, c.room = append(c.times, at), append(c.used, figure.Used), figure.Room
	if len(c.times) < memorySamples {
		return
	}
	for i := range len(c.times) / 2 {
		c.times[i], c.used[i] = c.times[2*i], c.used[2*i]
	}
	c.times, c.used = c.times[:len(c.times)/2], c.used[:len(c.used)/2]
}

// leak says how soon the container will be out of memory; empty if it does not
// climb as steadily as one that leaks. The first third is its warm-up.
func (c *climb) leak() string {
	from := len(c.times) / 3
	times, used := c.times[from:], c.used[from:]
	if len(times) < 12 || times[len(times)-1]-times[0] < memoryAtLeast || c.room <= 0 {
		return ""
	}
	grown := used[len(used)-1] - used[0]
	perSecond := slope(times, used)
	if grown < max(smallestClimb, used[0]/20) || perSecond <= 0 || !steady(used) || endsBefore(used, c.room) {
		return ""
	}
	left := time.Duration(min(float64(c.room)/perSecond, memoryHorizon.Seconds()+1) * float64(time.Second))
	if left > memoryHorizon {
		return ""
	}
	return fmt.Sprintf("the memory of %s climbs by %s a minute, from %s to %s, and would be used up in %s", c.container,
		BytesText(int64(60*perSecond)), BytesText(c.used[0]), BytesText(c.used[len(c.used)-1]), DurationText(left.Round(time.Minute)))
}

// endsBefore tells a climb that becomes slower and slower, as that of a cache which
// fills: gone on like that, it comes to its end before the room does.
func endsBefore(used []int64, room int64) bool {
	third := len(used) / 3
	first, middle, last := median(used[:third]), median(used[third:2*third]), median(used[2*third:])
	if middle <= first {
		return true
	}
	grows := float64(last-middle) / float64(middle-first)
	return grows < 0.75 || grows < 1 && float64(last-middle)*grows/(1-grows) < float64(room)
}

// steady tells whether it climbs most of the time, over spans long enough that a
// garbage collector has been there: each of them is higher than the one before.
func steady(used []int64) bool {
	const spans = 6
	length := len(used) / spans
	ups := 0
	for i := range spans - 1 {
		if median(used[(i+1)*length:(i+2)*length]) > median(used[i*length:(i+1)*length]) {
			ups++
		}
	}
	return ups == spans-1
}

func median(values []int64) int64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// slope is the median of the slopes between pairs half of the time apart, in bytes
// per second: single peaks do not move it.
func slope(times []time.Duration, used []int64) float64 {
	half := len(times) / 2
	var all []float64
	for i := range len(times) - half {
		all = append(all, float64(used[i+half]-used[i])/(times[i+half]-times[i]).Seconds())
	}
	slices.SortFunc(all, cmp.Compare[float64])
	return all[len(all)/2]
}
