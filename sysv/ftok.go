package sysv

import (
	"fmt"
	"io/fs"

	"example.com/sysvipc/sysv/internal/sys"
)

// Ftok makes a key of a file that exists and a project number, the same one
// that the C library's ftok(3) makes: the number, the lowest 8 bits of the
// file's device and the lowest 16 of its inode. Symbolic links are followed,
// and hard links to one file give one key.
//
// Different files can give the same key, and a file that is deleted and made
// again gives another: where you may choose, a constant key is safer.
//
// The error is an [*fs.PathError] when the file can't be looked at. A result of 0,
// which C's ftok passes on as if it named an object, is an error too: choose
// another project number.
func Ftok(path string, proj byte) (Key, error) {
	dev, ino, err := sys.FileID(path)
	for err == sys.EINTR { // on network file systems, see os.Stat
		dev, ino, err = sys.FileID(path)
	}
	if err != nil {
		return 0, &fs.PathError{Op: "ftok", Path: path, Err: err}
	}
	key := Key(uint32(proj)<<24 | uint32(dev&0xff)<<16 | uint32(ino&0xffff))
	if key == Private {
		return 0, fmt.Errorf("ftok %s: project number %d gives key 0 (IPC_PRIVATE), which names no object", path, proj)
	}
	return key, nil
}
