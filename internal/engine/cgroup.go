package engine

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroupMemory reads the resident memory of the container of a process from
// the kernel, in bytes. It is at once there, while the engine takes a sample
// only every second.
func cgroupMemory(pid int) (int64, bool) {
	place, found := memoryPlace(pid)
	if !found {
		return 0, false
	}
	return place.read()
}

// memoryPlace finds the cgroup of a process.
func memoryPlace(pid int) (place cgroupPlace, found bool) {
	if pid <= 0 {
		return place, false
	}
	membership, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return place, false
	}
	return memoryCgroup(string(membership))
}

// cgroupPlace is where the kernel tells about the memory of a cgroup.
type cgroupPlace struct{ usage, statistics, cacheField string }

// read is the resident memory of the cgroup, in bytes.
func (p cgroupPlace) read() (int64, bool) {
	used, err := os.ReadFile(p.usage)
	if err != nil {
		return 0, false
	}
	statistics, err := os.ReadFile(p.statistics)
	if err != nil {
		return 0, false
	}
	return resident(string(used), string(statistics), p.cacheField)
}

// memoryCgroup finds the files for the content of /proc/PID/cgroup. A process
// in the root of the hierarchy is in no container that could be seen from
// here.
func memoryCgroup(membership string) (cgroupPlace, bool) {
	var unified string
	for line := range strings.Lines(membership) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[2] == "/" {
			continue
		}
		if parts[0] == "0" && parts[1] == "" {
			unified = parts[2]
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			if controller == "memory" {
				directory := filepath.Join("/sys/fs/cgroup/memory", parts[2])
				return cgroupPlace{directory + "/memory.usage_in_bytes", directory + "/memory.stat", "total_inactive_file"}, true
			}
		}
	}
	if unified == "" {
		return cgroupPlace{}, false
	}
	directory := filepath.Join("/sys/fs/cgroup", unified)
	return cgroupPlace{directory + "/memory.current", directory + "/memory.stat", "inactive_file"}, true
}

// resident takes the page cache off that the kernel would give back, as
// docker stats does.
func resident(used, statistics, cacheField string) (int64, bool) {
	total, err := strconv.ParseInt(strings.TrimSpace(used), 10, 64)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(statistics) {
		value, found := strings.CutPrefix(line, cacheField+" ")
		if !found {
			continue
		}
		cache, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err == nil && cache < total {
			return total - cache, true
		}
	}
	return total, true
}
