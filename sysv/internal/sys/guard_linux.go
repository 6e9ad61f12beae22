//go:build linux && !android

package sys

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MapValues returns room for at least n values of GETALL and SETALL, which ends
// where memory begins that can't be accessed: a call that would go past the end
// fails with EFAULT there, for the kernel copies upwards.
func MapValues(n int) ([]uint16, error) {
	page := os.Getpagesize()
	size := (2*n + page - 1) / page * page
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size+page), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	vals := unsafe.Slice((*uint16)(p), size/2)
	if err := unix.Mprotect(unsafe.Slice((*byte)(p), size), unix.PROT_READ|unix.PROT_WRITE); err != nil {
		UnmapValues(vals)
		return nil, err
	}
	return vals, nil
}

// UnmapValues gives back what MapValues returned.
func UnmapValues(vals []uint16) {
	size := 2*len(vals) + os.Getpagesize()
	// It fails for nothing but an address that was never mapped.
	unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(vals)), uintptr(size))
}
