package journal

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// memoryFiles is a file system in memory that knows what a loss of power
// leaves: content up to the last Sync of the file, names up to the last sync
// of the directory, and of what came later anything from nothing to all.
type memoryFiles struct {
	directories map[string]*memoryDirectory
	operations  int
	crashAt     int // operation before which the machine stops; 0: never
	syncs       int
	skipSync    int // sync that lies: it says it did and did not; 0: none
	fail        func(operation, name string) error
}

// memoryDirectory keeps every state of its names since the last sync.
type memoryDirectory struct {
	now     map[string]*memoryNode
	states  []map[string]*memoryNode // states[0] is on disk
	durable bool                     // its own name is on disk
}

type memoryNode struct{ now, disk []byte }

var errCrashed = errors.New("the machine is off")

func newMemoryFiles() *memoryFiles {
	m := &memoryFiles{directories: map[string]*memoryDirectory{}}
	m.directories["."] = &memoryDirectory{now: map[string]*memoryNode{}, states: []map[string]*memoryNode{{}}, durable: true}
	return m
}

// step counts an operation and tells whether it can still happen.
func (m *memoryFiles) step(operation, name string) error {
	m.operations++
	if m.crashAt != 0 && m.operations >= m.crashAt {
		return errCrashed
	}
	if m.fail != nil {
		return m.fail(operation, name)
	}
	return nil
}

func (m *memoryFiles) lies() bool {
	m.syncs++
	return m.syncs == m.skipSync
}

func (m *memoryFiles) at(name string) (*memoryDirectory, string) {
	name = path.Clean(name)
	directory := m.directories[path.Dir(name)]
	if directory == nil {
		directory = &memoryDirectory{}
	}
	return directory, path.Base(name)
}

func (d *memoryDirectory) changed() { d.states = append(d.states, maps.Clone(d.now)) }

func (m *memoryFiles) create(name string) (file, error) {
	if err := m.step("create", name); err != nil {
		return nil, err
	}
	directory, base := m.at(name)
	if directory.now == nil {
		return nil, fs.ErrNotExist
	}
	if directory.now[base] != nil {
		return nil, fs.ErrExist
	}
	node := &memoryNode{}
	directory.now[base] = node
	directory.changed()
	return &memoryFile{m, node, name}, nil
}

func (m *memoryFiles) open(name string) (file, error) {
	directory, base := m.at(name)
	if directory.now[base] == nil {
		return nil, fs.ErrNotExist
	}
	return &memoryFile{m, directory.now[base], name}, nil
}

func (m *memoryFiles) read(name string, limitBytes int64) ([]byte, error) {
	directory, base := m.at(name)
	if directory.now[base] == nil {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(directory.now[base].now), nil
}

func (m *memoryFiles) rename(oldName, newName string) error {
	if err := m.step("rename", newName); err != nil {
		return err
	}
	from, oldBase := m.at(oldName)
	to, newBase := m.at(newName)
	node := from.now[oldBase]
	if node == nil || to.now == nil {
		return fs.ErrNotExist
	}
	delete(from.now, oldBase)
	to.now[newBase] = node
	to.changed()
	if from != to {
		from.changed()
	}
	return nil
}

func (m *memoryFiles) link(oldName, newName string) error {
	if err := m.step("link", newName); err != nil {
		return err
	}
	from, oldBase := m.at(oldName)
	to, newBase := m.at(newName)
	if from.now[oldBase] == nil || to.now == nil {
		return fs.ErrNotExist
	}
	if to.now[newBase] != nil {
		return fs.ErrExist
	}
	to.now[newBase] = from.now[oldBase]
	to.changed()
	return nil
}

func (m *memoryFiles) remove(name string) error {
	if err := m.step("remove", name); err != nil {
		return err
	}
	directory, base := m.at(name)
	if directory.now[base] == nil {
		return fs.ErrNotExist
	}
	delete(directory.now, base)
	directory.changed()
	return nil
}

func (m *memoryFiles) mkdir(name string) error {
	if err := m.step("mkdir", name); err != nil {
		return err
	}
	if m.directories[name] != nil {
		return fs.ErrExist
	}
	m.directories[name] = &memoryDirectory{now: map[string]*memoryNode{}, states: []map[string]*memoryNode{{}}}
	return nil
}

func (m *memoryFiles) list(directory string) ([]string, error) {
	if m.directories[directory] == nil {
		return nil, fs.ErrNotExist
	}
	return slices.Sorted(maps.Keys(m.directories[directory].now)), nil
}

func (m *memoryFiles) sizeOf(name string) (int64, error) {
	directory, base := m.at(name)
	if directory.now[base] == nil {
		return 0, fs.ErrNotExist
	}
	return int64(len(directory.now[base].now)), nil
}

func (m *memoryFiles) syncDirectory(name string) error {
	if err := m.step("sync", name); err != nil {
		return err
	}
	if m.lies() {
		return nil
	}
	if name == "." {
		for _, directory := range m.directories {
			directory.durable = true
		}
	}
	directory := m.directories[name]
	directory.states = []map[string]*memoryNode{maps.Clone(directory.now)}
	return nil
}

// afterPowerLoss returns a state that the disk can be in.
func (m *memoryFiles) afterPowerLoss(random *rand.Rand, worst bool) *memoryFiles {
	pick := func(count int) int {
		if worst {
			return 0
		}
		return random.IntN(count)
	}
	after := newMemoryFiles()
	kept := map[*memoryNode]*memoryNode{}
	for _, name := range slices.Sorted(maps.Keys(m.directories)) {
		directory := m.directories[name]
		if !directory.durable && pick(2) == 0 {
			continue
		}
		names := map[string]*memoryNode{}
		state := directory.states[pick(len(directory.states))]
		for _, base := range slices.Sorted(maps.Keys(state)) {
			node := state[base]
			if kept[node] == nil {
				content := node.surviving(pick)
				kept[node] = &memoryNode{now: content, disk: content}
			}
			names[base] = kept[node]
		}
		after.directories[name] = &memoryDirectory{now: names, states: []map[string]*memoryNode{maps.Clone(names)}, durable: true}
	}
	return after
}

// surviving returns what a file can hold: the synced content, all, a part of
// the rest, or zeros in its place.
func (n *memoryNode) surviving(pick func(int) int) []byte {
	if len(n.now) <= len(n.disk) || !strings.HasPrefix(string(n.now), string(n.disk)) {
		return slices.Clone([][]byte{n.disk, n.now}[pick(2)])
	}
	rest := n.now[len(n.disk):]
	switch pick(4) {
	case 1:
		return slices.Clone(n.now)
	case 2:
		return slices.Concat(n.disk, rest[:pick(len(rest))])
	case 3:
		return slices.Concat(n.disk, make([]byte, len(rest)))
	}
	return slices.Clone(n.disk)
}

type memoryFile struct {
	disk *memoryFiles
	node *memoryNode
	name string
}

func (f *memoryFile) Write(content []byte) (int, error) {
	if err := f.disk.step("write", f.name); err != nil {
		return 0, err
	}
	f.node.now = append(slices.Clone(f.node.now), content...)
	return len(content), nil
}

func (f *memoryFile) Truncate(sizeBytes int64) error {
	if err := f.disk.step("truncate", f.name); err != nil {
		return err
	}
	f.node.now = f.node.now[:sizeBytes]
	return nil
}

func (f *memoryFile) Allocate(sizeBytes int64) error {
	if err := f.disk.step("allocate", f.name); err != nil {
		return err
	}
	f.node.now = make([]byte, sizeBytes)
	return nil
}

func (f *memoryFile) Sync() error {
	if err := f.disk.step("sync", f.name); err != nil {
		return err
	}
	if !f.disk.lies() {
		f.node.disk = f.node.now
	}
	return nil
}

func (f *memoryFile) Close() error { return nil }
