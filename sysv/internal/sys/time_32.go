//go:build linux && !android && (386 || arm || mips || mipsle)

package sys

import "golang.org/x/sys/unix"

func shmTimes(d *unix.SysvShmDesc) (atime, dtime, ctime int64) {
	return join(d.Atime, d.Atime_high), join(d.Dtime, d.Dtime_high), join(d.Ctime, d.Ctime_high)
}

// join makes a time of its halves, of which mips keeps only 16 upper bits.
func join[H uint16 | uint32](low uint32, high H) int64 {
	return int64(high)<<32 | int64(low)
}
