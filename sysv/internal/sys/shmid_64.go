//go:build linux && !android && (amd64 || arm64 || loong64 || mips64 || mips64le || riscv64 || s390x)

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// struct shmid64_ds of include/uapi/asm-generic/shmbuf.h for 64 bits.
var (
	_ [48]byte = [unsafe.Sizeof(unix.SysvIpcPerm{})]byte{}
	_ [4]byte  = [unsafe.Sizeof(unix.SysvIpcPerm{}.Mode)]byte{}

	_ [48]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Segsz)]byte{}
	_ [56]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Atime)]byte{}
	_ [64]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Dtime)]byte{}
	_ [72]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Ctime)]byte{}
	_ [80]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Cpid)]byte{}
	_ [84]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Lpid)]byte{}
	_ [88]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Nattch)]byte{}
	_ [112]byte = [unsafe.Sizeof(unix.SysvShmDesc{})]byte{}
)
