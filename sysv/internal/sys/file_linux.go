//go:build linux && !android

package sys

import "golang.org/x/sys/unix"

// Supported returns nil where the calls of this package reach a kernel.
func Supported() error { return nil }

// FileID is stat(2)'s st_dev and st_ino, of which ftok(3) makes a key.
func FileID(path string) (dev, ino uint64, err error) {
	var st unix.Stat_t
	err = unix.Stat(path, &st)
	return uint64(st.Dev), uint64(st.Ino), err
}
