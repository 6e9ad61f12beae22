package ring

import "unsafe"

// prefetch says that bytes are going to be written. A processor that does not know the
// instruction does nothing (AMD64 manual volume 3, PREFETCHW).
//
//go:noescape
func prefetch(p unsafe.Pointer, bytes uintptr)
