//go:build linux && !android && (ppc64 || ppc64le)

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// struct shmid64_ds of arch/powerpc/include/uapi/asm/shmbuf.h: the times come before the size.
var (
	_ [48]byte = [unsafe.Sizeof(unix.SysvIpcPerm{})]byte{}
	_ [4]byte  = [unsafe.Sizeof(unix.SysvIpcPerm{}.Mode)]byte{}

	_ [48]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Atime)]byte{}
	_ [56]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Dtime)]byte{}
	_ [64]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Ctime)]byte{}
	_ [72]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Segsz)]byte{}
	_ [80]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Cpid)]byte{}
	_ [84]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Lpid)]byte{}
	_ [88]byte  = [unsafe.Offsetof(unix.SysvShmDesc{}.Nattch)]byte{}
	_ [112]byte = [unsafe.Sizeof(unix.SysvShmDesc{})]byte{}
)
