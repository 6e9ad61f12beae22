//go:build linux && !android

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// msqidDS is struct msqid64_ds of arch/mips/include/uapi/asm/msgbuf.h for 32-bit
// big-endian machines: the upper half of each time comes before the lower.
type msqidDS struct {
	Perm      unix.SysvIpcPerm
	STimeHigh uint32
	STime     uint32
	RTimeHigh uint32
	RTime     uint32
	CTimeHigh uint32
	CTime     uint32
	CBytes    uint
	QNum      uint
	QBytes    uint
	LSPID     int32
	LRPID     int32
	_         [2]uint
}

func (d *msqidDS) times() (stime, rtime, ctime int64) {
	return join(d.STime, d.STimeHigh), join(d.RTime, d.RTimeHigh), join(d.CTime, d.CTimeHigh)
}

// A struct that is not laid out as the kernel's does not compile.
var (
	_ [36]byte = [unsafe.Offsetof(msqidDS{}.STimeHigh)]byte{}
	_ [40]byte = [unsafe.Offsetof(msqidDS{}.STime)]byte{}
	_ [44]byte = [unsafe.Offsetof(msqidDS{}.RTimeHigh)]byte{}
	_ [48]byte = [unsafe.Offsetof(msqidDS{}.RTime)]byte{}
	_ [52]byte = [unsafe.Offsetof(msqidDS{}.CTimeHigh)]byte{}
	_ [56]byte = [unsafe.Offsetof(msqidDS{}.CTime)]byte{}
	_ [60]byte = [unsafe.Offsetof(msqidDS{}.CBytes)]byte{}
	_ [64]byte = [unsafe.Offsetof(msqidDS{}.QNum)]byte{}
	_ [68]byte = [unsafe.Offsetof(msqidDS{}.QBytes)]byte{}
	_ [72]byte = [unsafe.Offsetof(msqidDS{}.LSPID)]byte{}
	_ [76]byte = [unsafe.Offsetof(msqidDS{}.LRPID)]byte{}
	_ [88]byte = [unsafe.Sizeof(msqidDS{})]byte{}
)
