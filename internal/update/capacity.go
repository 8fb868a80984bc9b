package update

import "slices"

// Capacity is what this host and its databases have left, as far as it could
// be found out. What is not known bounds nothing.
type Capacity struct {
	MemoryAvailableBytes int64 // of the host; 0 if not measured
	// MemoryGroups are the control groups around containers that have a limit.
	MemoryGroups []MemoryGroup
	Databases    []Database
	Disk         *Disk // nil: nobody looked, because nothing is to be fetched
}

// MemoryGroup is a control group that bounds the memory of all that is in it.
type MemoryGroup struct {
	Path       string // below the root of the hierarchy
	LimitBytes int64
	UsedBytes  int64    // without the page cache that the kernel would give back
	Services   []string // with a container in it
}

// Database is a database server with the connections that it allows and has.
type Database struct {
	Service string
	Limit   int            // that clients may have, without those kept for its administrators
	Used    int            // by all clients
	Each    map[string]int // by service: what a container of it has open, the one with most
}

// NewDatabase finds out whose the connections are, which are counted by the
// address that they come from.
func NewDatabase(serviceName string, limit int, byAddress map[string]int, containers []Container) Database {
	d := Database{Service: serviceName, Limit: limit, Each: map[string]int{}}
	for _, count := range byAddress {
		d.Used += count
	}
	for _, c := range containers {
		var own int
		for _, address := range c.Addresses {
			if address != loopback { // a container in the host's network has that of all others there
				own += byAddress[address]
			}
		}
		if own > d.Each[c.Service] {
			d.Each[c.Service] = own
		}
	}
	return d
}

func (d Database) each() map[string]int64 {
	each := map[string]int64{}
	for name, count := range d.Each {
		each[name] = int64(count)
	}
	return each
}

const loopback = "127.0.0.1"

// Disk is the room where the engine keeps its data.
type Disk struct {
	Directory string
	FreeBytes int64
	Unknown   string              // why FreeBytes is not known; empty if it is
	NewImages map[string]NewImage // by service name; none: nothing to judge it by
}

// NewImage is what the next image of a service will probably take.
type NewImage struct {
	Bytes int64
	Like  string // what it is judged by, in words
}

// pools lists what second copies take a share of.
func (s State) pools() []pool {
	memory := s.memoryEach()
	var all []pool
	if free := s.MemoryAvailableBytes; free > 0 {
		all = append(all, pool{free: free, reserve: memoryReserve, copies: memory, words: hostMemory{}})
	}
	for _, group := range s.MemoryGroups {
		inside := map[string]int64{}
		for name, bytes := range memory {
			if slices.Contains(group.Services, name) {
				inside[name] = bytes
			}
		}
		all = append(all, pool{free: max(0, group.LimitBytes-group.UsedBytes), reserve: memoryReserve, copies: inside, words: groupMemory{group}})
	}
	for _, d := range s.Databases {
		all = append(all, pool{free: int64(max(0, d.Limit-d.Used)), reserve: connectionReserve, copies: d.each(), words: connections{d}})
	}
	return all
}
