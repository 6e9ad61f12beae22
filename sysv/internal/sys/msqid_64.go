//go:build linux && !android && !(386 || arm || mips || mipsle)

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// msqidDS is struct msqid64_ds of include/uapi/asm-generic/msgbuf.h, and of x86,
// mips and powerpc, for 64 bits.
type msqidDS struct {
	Perm   unix.SysvIpcPerm
	STime  int64
	RTime  int64
	CTime  int64
	CBytes uint
	QNum   uint
	QBytes uint
	LSPID  int32
	LRPID  int32
	_      [2]uint
}

func (d *msqidDS) times() (stime, rtime, ctime int64) {
	return d.STime, d.RTime, d.CTime
}

// A struct that is not laid out as the kernel's does not compile.
var (
	_ [48]byte  = [unsafe.Offsetof(msqidDS{}.STime)]byte{}
	_ [56]byte  = [unsafe.Offsetof(msqidDS{}.RTime)]byte{}
	_ [64]byte  = [unsafe.Offsetof(msqidDS{}.CTime)]byte{}
	_ [72]byte  = [unsafe.Offsetof(msqidDS{}.CBytes)]byte{}
	_ [80]byte  = [unsafe.Offsetof(msqidDS{}.QNum)]byte{}
	_ [88]byte  = [unsafe.Offsetof(msqidDS{}.QBytes)]byte{}
	_ [96]byte  = [unsafe.Offsetof(msqidDS{}.LSPID)]byte{}
	_ [100]byte = [unsafe.Offsetof(msqidDS{}.LRPID)]byte{}
	_ [120]byte = [unsafe.Sizeof(msqidDS{})]byte{}
)
