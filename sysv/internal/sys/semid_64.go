//go:build linux && !android && (arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package sys

import "golang.org/x/sys/unix"

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
