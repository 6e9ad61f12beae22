//go:build linux && !android

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is the same on every architecture. Here as in the files of a layout, a
// struct that is not laid out as the kernel's does not compile.
var (
	_ [6]byte = [unsafe.Sizeof(Sembuf{})]byte{}
	_ [2]byte = [unsafe.Offsetof(Sembuf{}.Op)]byte{}
	_ [4]byte = [unsafe.Offsetof(Sembuf{}.Flg)]byte{}

	_ [40]byte = [unsafe.Sizeof(SemInfo{})]byte{}
	_ [20]byte = [unsafe.Offsetof(SemInfo{}.OPM)]byte{}
	_ [36]byte = [unsafe.Offsetof(SemInfo{}.AEM)]byte{}

	_ [32]byte = [unsafe.Sizeof(MsgInfo{})]byte{}
	_ [16]byte = [unsafe.Offsetof(MsgInfo{}.MNI)]byte{}
	_ [28]byte = [unsafe.Offsetof(MsgInfo{}.Seg)]byte{}

	_ [4]byte         = [unsafe.Offsetof(unix.SysvIpcPerm{}.Uid)]byte{}
	_ [12]byte        = [unsafe.Offsetof(unix.SysvIpcPerm{}.Cuid)]byte{}
	_ [20]byte        = [unsafe.Offsetof(unix.SysvIpcPerm{}.Mode)]byte{}
	_ [seqOffset]byte = [unsafe.Offsetof(unix.SysvIpcPerm{}.Seq)]byte{}

	_ [9 * word]byte = [unsafe.Sizeof(shminfo64{})]byte{}
	_ [4 * word]byte = [unsafe.Offsetof(shminfo64{}.All)]byte{}
	_ [6 * word]byte = [unsafe.Sizeof(shmInfo{})]byte{}
	_ [1 * word]byte = [unsafe.Offsetof(shmInfo{}.Total)]byte{}
	_ [3 * word]byte = [unsafe.Offsetof(shmInfo{}.Swapped)]byte{}
)

// word is the size of the kernel's unsigned long.
const word = unsafe.Sizeof(uintptr(0))
