//go:build linux && !android

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// semidDS is struct semid64_ds of arch/x86/include/uapi/asm/sembuf.h: each
// time is followed by a word that 32-bit x86 uses for its upper half.
type semidDS struct {
	Perm  unix.SysvIpcPerm
	OTime int64
	_     uint64
	CTime int64
	_     uint64
	Nsems uint64
	_     [2]uint64
}

func (d *semidDS) times() (otime, ctime int64) { return d.OTime, d.CTime }

// A struct that is not laid out as the kernel's does not compile.
var (
	_ [48]byte  = [unsafe.Offsetof(semidDS{}.OTime)]byte{}
	_ [64]byte  = [unsafe.Offsetof(semidDS{}.CTime)]byte{}
	_ [80]byte  = [unsafe.Offsetof(semidDS{}.Nsems)]byte{}
	_ [104]byte = [unsafe.Sizeof(semidDS{})]byte{}
)
