//go:build linux && !android && (mips || mipsle)

package sys

import "golang.org/x/sys/unix"

// semidDS is struct semid64_ds of arch/mips/include/uapi/asm/sembuf.h for 32
// bits: the upper halves of the times stand at the end.
type semidDS struct {
	Perm      unix.SysvIpcPerm
	OTime     uint32
	CTime     uint32
	Nsems     uint32
	OTimeHigh uint32
	CTimeHigh uint32
}

func (d *semidDS) times() (otime, ctime int64) {
	return join(d.OTime, d.OTimeHigh), join(d.CTime, d.CTimeHigh)
}
