//go:build !amd64

package ring

import "unsafe"

func prefetch(p unsafe.Pointer, bytes uintptr) {}
