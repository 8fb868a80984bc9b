package journal

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// neededBytes is the room for the ballast, a journal and a release.
const neededBytes = 2 * ballastBytes

// neededInodes is the number of files that a run makes here, and some.
const neededInodes = 16

// Room refuses a disk on which a run could not be journalled to its end. The
// ballast of an earlier run counts as free.
func (s *Store) Room() error {
	var stat unix.Statfs_t
	if err := unix.Statfs(s.path, &stat); err != nil {
		return explain(s.path, err)
	}
	free := int64(stat.Bavail) * stat.Bsize
	if size, err := s.disk.sizeOf(ballastName); err == nil {
		free += size
	}
	if free < neededBytes {
		return explain(s.path, fmt.Errorf("%d bytes are free: %w", free, unix.ENOSPC))
	}
	if stat.Files > 0 && stat.Ffree < neededInodes {
		return explain(s.path, fmt.Errorf("%d inodes are free: %w", stat.Ffree, unix.ENOSPC))
	}
	return nil
}

// sharedFileSystems are those on which a lock or an fsync may not mean what
// it means on a local disk, by the magic numbers of linux/magic.h and of
// statfs(2).
var sharedFileSystems = map[int64]string{
	0x6969:     "NFS",
	0x65735546: "FUSE",
	0x517b:     "SMB",
	0xff534d42: "CIFS",
	0xfe534d42: "SMB2",
	0x01021997: "9P",
	0x00c36400: "Ceph",
	0x5346414f: "AFS",
}

// fileSystemType returns the magic number of the file system of a path.
func fileSystemType(path string) (int64, error) {
	var stat unix.Statfs_t
	err := unix.Statfs(path, &stat)
	return int64(stat.Type), err
}

// networkWarning says that a directory is not on a local disk.
func networkWarning(path string, typeOf func(string) (int64, error)) string {
	magic, err := typeOf(path)
	if err != nil {
		return ""
	}
	name, shared := sharedFileSystems[magic&0xffffffff]
	if !shared {
		return ""
	}
	return fmt.Sprintf("%s is on %s, where a lock may not keep other hosts out and a loss of power may lose the journal; set GAPLESS_STATE_DIR to a local disk", path, name)
}
