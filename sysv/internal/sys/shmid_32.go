//go:build linux && !android && (386 || arm)

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// struct shmid64_ds of include/uapi/asm-generic/shmbuf.h for 32 bits: the upper half of each time follows the lower.
var (
	_ [36]byte = [unsafe.Sizeof(unix.SysvIpcPerm{})]byte{}
	_ [2]byte  = [unsafe.Sizeof(unix.SysvIpcPerm{}.Mode)]byte{}

	_ [36]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Segsz)]byte{}
	_ [40]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Atime)]byte{}
	_ [44]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Atime_high)]byte{}
	_ [48]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Dtime)]byte{}
	_ [52]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Dtime_high)]byte{}
	_ [56]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Ctime)]byte{}
	_ [60]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Ctime_high)]byte{}
	_ [64]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Cpid)]byte{}
	_ [68]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Lpid)]byte{}
	_ [72]byte = [unsafe.Offsetof(unix.SysvShmDesc{}.Nattch)]byte{}
	_ [84]byte = [unsafe.Sizeof(unix.SysvShmDesc{})]byte{}
)
