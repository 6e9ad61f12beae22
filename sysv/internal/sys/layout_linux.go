//go:build linux && !android

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is the same on every architecture does not compile if it is not.
var (
	_ [6]byte  = [unsafe.Sizeof(Sembuf{})]byte{}
	_ [2]byte  = [unsafe.Offsetof(Sembuf{}.Op)]byte{}
	_ [4]byte  = [unsafe.Offsetof(Sembuf{}.Flg)]byte{}
	_ [40]byte = [unsafe.Sizeof(SemInfo{})]byte{}
	_ [20]byte = [unsafe.Offsetof(unix.SysvIpcPerm{}.Mode)]byte{}
)
