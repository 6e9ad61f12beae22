//go:build linux && !android && (386 || arm)

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// semidDS is struct semid64_ds of include/uapi/asm-generic/sembuf.h, and of
// x86, for 32 bits: the upper half of each time follows the lower.
type semidDS struct {
	Perm      unix.SysvIpcPerm
	OTime     uint32
	OTimeHigh uint32
	CTime     uint32
	CTimeHigh uint32
	Nsems     uint32
	_         [2]uint32
}

func (d *semidDS) times() (otime, ctime int64) {
	return join(d.OTime, d.OTimeHigh), join(d.CTime, d.CTimeHigh)
}

// A struct that is not laid out as the kernel's does not compile.
var (
	_ [36]byte = [unsafe.Offsetof(semidDS{}.OTime)]byte{}
	_ [40]byte = [unsafe.Offsetof(semidDS{}.OTimeHigh)]byte{}
	_ [44]byte = [unsafe.Offsetof(semidDS{}.CTime)]byte{}
	_ [48]byte = [unsafe.Offsetof(semidDS{}.CTimeHigh)]byte{}
	_ [52]byte = [unsafe.Offsetof(semidDS{}.Nsems)]byte{}
	_ [64]byte = [unsafe.Sizeof(semidDS{})]byte{}
)
