//go:build linux && !android && (arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// semidDS is struct semid64_ds of include/uapi/asm-generic/sembuf.h, and of
// mips, powerpc and s390, for 64 bits.
type semidDS struct {
	Perm  unix.SysvIpcPerm
	OTime int64
	CTime int64
	Nsems uint64
	_     [2]uint64
}

func (d *semidDS) times() (otime, ctime int64) { return d.OTime, d.CTime }

// A struct that is not laid out as the kernel's does not compile.
var (
	_ [48]byte = [unsafe.Offsetof(semidDS{}.OTime)]byte{}
	_ [56]byte = [unsafe.Offsetof(semidDS{}.CTime)]byte{}
	_ [64]byte = [unsafe.Offsetof(semidDS{}.Nsems)]byte{}
	_ [88]byte = [unsafe.Sizeof(semidDS{})]byte{}
)
