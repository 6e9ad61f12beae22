package sys

import (
	"os"
	"runtime"
)

// SHMLBA is what an address to attach at must be a multiple of: the page size,
// or more where caches are indexed by virtual address (asm/shmparam.h).
func SHMLBA() uintptr {
	switch runtime.GOARCH {
	case "arm":
		return 4 * uintptr(os.Getpagesize())
	case "loong64":
		return 0x10000
	case "mips", "mipsle", "mips64", "mips64le":
		return 0x40000
	}
	return uintptr(os.Getpagesize())
}
