//go:build linux && !android && !(386 || arm || mips || mipsle)

package sys

import "golang.org/x/sys/unix"

func shmTimes(d *unix.SysvShmDesc) (atime, dtime, ctime int64) {
	return d.Atime, d.Dtime, d.Ctime
}
